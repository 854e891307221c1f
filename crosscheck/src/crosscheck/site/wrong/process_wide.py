"""The mode is a variable of the whole process. [step 18]

`no_grad` in one thread, which only evaluates, switches recording off in another, which trains: its graph is gone, and
there is no error, only a missing gradient. In the stages the mode belongs to the thread.
"""

import threading

import numpy as np

from stage2_natural_code import Variable, no_grad


class Config:
    enable_backprop = True  # one for all threads


def evaluate():
    Config.enable_backprop = False  # the other thread has entered its no_grad block


evaluating = threading.Thread(target=evaluate)
evaluating.start()
evaluating.join()
print(Config.enable_backprop)  # -> False

inside, done = threading.Event(), threading.Event()


def evaluate_in_a_stage():
    with no_grad():
        inside.set()
        done.wait()


evaluating = threading.Thread(target=evaluate_in_a_stage)
evaluating.start()
inside.wait()
y = Variable(np.array(2.0)) ** 2
print(y.creator is not None)  # -> True
done.set()
evaluating.join()
