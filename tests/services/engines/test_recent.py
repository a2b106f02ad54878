"""Tests of recognising a prompt whose window has moved on."""

import pytest

from models import Role
from services.engines import Prompt, PromptTurn
from services.engines.recent import RecentPrompts


def prompt(letters: str) -> Prompt:
    return Prompt(
        [PromptTurn(Role.SYSTEM, "You are Ada."), *(PromptTurn(Role.USER, one) for one in letters)], "Ada"
    )


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ("abcd", "cdef", True),
        ("abcd", "cd", True),
        ("abcd!", "cdef!", True),
        ("abcd", "abcdef", False),
        ("abcd", "cxef", False),
        ("abcd", "bd", False),
        ("abcd", "efgh", False),
        ("abcd!", "!", False),
        ("", "", False),
        ("abcd", "", False),
    ],
)
def test_a_prompt_has_moved_when_only_its_oldest_messages_are_gone(before: str, after: str, moved: bool) -> None:
    recent = RecentPrompts()
    assert not recent.have_moved_to(prompt(before))
    assert not recent.have_moved_to(prompt("other"))
    assert recent.have_moved_to(prompt(after)) is moved


def test_another_opening_is_another_conversation() -> None:
    recent = RecentPrompts()
    recent.have_moved_to(prompt("abcd"))
    assert not recent.have_moved_to(
        Prompt([PromptTurn(Role.SYSTEM, "You are Ben."), *prompt("cd").turns[1:]], "Ben")
    )


def test_old_prompts_are_forgotten() -> None:
    recent = RecentPrompts()
    recent.have_moved_to(prompt("abcd"))
    for number in range(100):
        recent.have_moved_to(prompt(f"{number:03}"))
    assert not recent.have_moved_to(prompt("cdef"))
