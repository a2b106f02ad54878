"""The context that all resolvers of one operation share."""

from dataclasses import dataclass, field

import strawberry

from models import Conversation
from resolvers.budget import Budget
from resolvers.loaders import Loaders
from services import Services
from services.access.identity import Identity
from services.streaming.service import ReplyWatch


@dataclass
class Context:
    """`owner` is whose rows the operation reads and changes; `budget` is set when its cost is known.

    `reply_watch` is there for a subscription to reply events, once it has begun.
    """

    services: Services
    caller: Identity
    owner: str = field(init=False)
    budget: Budget = field(init=False)
    loaders: Loaders = field(init=False)
    reply_watch: ReplyWatch | None = field(init=False, default=None)
    _seen: dict[str, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.owner = self.caller.owner
        self.reset_loaders()

    def reset_loaders(self) -> None:
        """Makes everything be read again from here on, because it may have changed."""
        self.loaders = Loaders(self.services, self.owner)

    @property
    def awaits_end(self) -> bool:
        """Whether a subscription has not come to the end yet of a reply that this process writes."""
        return self.reply_watch is not None and self.reply_watch.awaits_end

    def saw(self, conversation_id: str, history_version: int) -> None:
        """Notes that the answer holds a text which is at least as new as this version of its conversation."""
        self._seen[conversation_id] = min(history_version, self._seen.get(conversation_id, history_version))

    def stream_version(self, conversation: Conversation) -> int:
        """Returns a version of the conversation that is no newer than any of its texts in the answer."""
        return min(conversation.history_version, self._seen.get(conversation.id, conversation.history_version))

    def begin_answer(self) -> None:
        """Begins another answer of a subscription, for which everything is read again."""
        self.reset_loaders()
        self.budget.renew()
        self._seen.clear()


Info = strawberry.Info[Context, None]
