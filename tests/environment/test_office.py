"""Offices: what arrives goes to the desk that reads it; a record has one reader; desks need names of their own."""

from typing import ClassVar

import pytest

from environment.messages.flexibility_register import PointWithdrawal, RegisterQuery
from environment.office import Desk, Office
from environment.party import handles


class Points(Desk):
    @handles(PointWithdrawal)
    def take(self, batch):
        """Read it."""


class Looks(Desk):
    @handles(RegisterQuery)
    def look(self, batch):
        """Read it."""


class Both(Office):
    desks: ClassVar = {"points": Points, "looks": Looks}


def test_each_record_goes_to_its_desk():
    assert Both.handlers() == {PointWithdrawal: "points.take", RegisterQuery: "looks.look"}


def test_a_record_has_one_reader():
    class Twice(Office):
        desks: ClassVar = {"points": Points, "again": Points}

    with pytest.raises(TypeError, match=r"both points.take and again.take would read PointWithdrawal"):
        Twice.handlers()


def test_an_office_has_the_desks_that_it_names():
    class Seat:
        name, directory, clock, ring, systems = "a", None, None, None, {}

    with pytest.raises(TypeError, match="has the desks"):
        Both(Seat(), {"points": Points()})

    class Taken(Office):
        desks: ClassVar = {"registers": Points}

    with pytest.raises(TypeError, match="cannot be called 'registers'"):
        Taken(Seat(), {"registers": Points()})
