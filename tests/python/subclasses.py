"""One's own classes of what Python has in C, whose inherited reductions leave attributes out."""

import collections
import datetime
import decimal
import pathlib


class Money(decimal.Decimal):
    pass


class Stamp(datetime.datetime):
    pass


class Place(type(pathlib.Path())):
    pass


class Bag(collections.Counter):
    pass
