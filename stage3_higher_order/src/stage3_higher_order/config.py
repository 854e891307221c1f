"""Modes of the current thread: whether function calls record a graph."""

import functools
import inspect
import threading


class ThreadConfig(threading.local):
    """The modes of one thread; a new thread starts with these defaults. `Config` is the only instance. [step 18]

    enable_backprop: whether function calls record the graph that a backward pass needs.
    """

    enable_backprop = True


Config = ThreadConfig()


class using_config:
    """Set Config.name to a value in a `with` block or a decorated function, then restore it. [step 18]

    In a decorated generator the value is set only while the generator runs, not in its caller. Raises
    AttributeError if Config has no such name.
    """

    def __init__(self, name, value):
        self.name = name
        self.value = value
        self.old_values = []  # one per open block: an object may be used in nested blocks

    def __enter__(self):
        self.old_values.append(getattr(Config, self.name))
        setattr(Config, self.name, self.value)

    def __exit__(self, *error):
        setattr(Config, self.name, self.old_values.pop())

    def __call__(self, function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            with using_config(self.name, self.value):
                return function(*args, **kwargs)

        @functools.wraps(function)
        def iterate(*args, **kwargs):
            items = function(*args, **kwargs)
            resume, argument = items.send, None
            while True:
                try:
                    with using_config(self.name, self.value):
                        item = resume(argument)
                except StopIteration as end:
                    return end.value
                try:
                    resume, argument = items.send, (yield item)
                except BaseException as error:  # thrown into this generator: pass it on
                    resume, argument = items.throw, error

        return iterate if inspect.isgeneratorfunction(function) else call


def no_grad():
    """Disable recording in a `with` block or a decorated function: less memory, no gradients. [step 18]"""
    return using_config("enable_backprop", False)
