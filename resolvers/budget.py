"""What the answer of an operation may still cost: some costs are known only when rows have been read."""

from dataclasses import dataclass, field

from services.errors import OverLimit


@dataclass
class Budget:
    """`known` is what the document costs without what is spent while it is executed."""

    limit: int
    known: int
    _spent: int = field(init=False, default=0)

    def spend(self, values: int) -> None:
        """Raises OverLimit."""
        self._spent += values
        actual = self.known + self._spent
        if actual > self.limit:
            raise OverLimit("The result has too many values", "TOO_COSTLY", self.limit, actual)

    def renew(self) -> None:
        """Begins another answer of a subscription."""
        self._spent = 0
