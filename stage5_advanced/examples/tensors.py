"""What can be done with arrays of numbers: one after the other, as chapter 2 of the TensorFlow book does.

Each line shows its output as a comment. Functions of one array come first, then functions of several. Those with a
derivative record it: the last lines ask for some. No figure, no options, a second to run.

    python stage5_advanced/examples/tensors.py
"""

import numpy as np

import stage5_advanced.functions as F
from stage5_advanced import Variable, grad

x = Variable(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
print(x.shape, x.ndim, x.size, len(x), x.dtype)  # -> (2, 3) 2 6 2 float64
print(type(x.data).__name__)  # -> ndarray

# --- 2.3.1 another type of elements ---

print(F.cast(x, np.float32).dtype)  # -> float32
print(F.cast(x / 2, np.int64))
# -> variable([[0 1 1]
# ->           [2 2 3]])
print(F.cast(F.greater(x, 2), float))
# -> variable([[0. 0. 1.]
# ->           [1. 1. 1.]])

# --- 2.3.2 parts ---

print(x[1])  # -> variable([4. 5. 6.])
print(x[:, 1:])
# -> variable([[2. 3.]
# ->           [5. 6.]])
print(x[1, 2], x[-1, ::2])  # -> variable(6.0) variable([4. 6.])
print(F.take(x, [2, 0, 0], axis=1))
# -> variable([[3. 1. 1.]
# ->           [6. 4. 4.]])
print(F.gather(x, np.array([[2], [0]]), axis=1))  # one element of each row
# -> variable([[3.]
# ->           [4.]])
first, second = F.split(x, 2)
print(first, second)  # -> variable([[1. 2. 3.]]) variable([[4. 5. 6.]])

# --- 2.3.3 transposed ---

print(x.T)
# -> variable([[1. 4.]
# ->           [2. 5.]
# ->           [3. 6.]])
images = Variable(np.zeros((10, 32, 48, 3)))  # TensorFlow's order
print(images.transpose(0, 3, 1, 2).shape)  # -> (10, 3, 32, 48)
print(F.swapaxes(images, 1, 2).shape)  # -> (10, 48, 32, 3)

# --- 2.3.4 another shape ---

print(x.reshape(3, -1))
# -> variable([[1. 2.]
# ->           [3. 4.]
# ->           [5. 6.]])
print(F.flatten(images).shape)  # -> (10, 4608)
print(F.expand_dims(x, 0).shape, F.squeeze(x[:1]).shape)  # -> (1, 2, 3) (3,)
print(F.tile(x[0], 2), F.repeat(x[0], 2, axis=0))  # -> variable([1. 2. 3. 1. 2. 3.]) variable([1. 1. 2. 2. 3. 3.])
print(F.pad(x[0], (1, 2)), F.flip(x[0], 0))  # -> variable([0. 1. 2. 3. 0. 0.]) variable([3. 2. 1.])

# --- 2.3.5 sums, means, maxima ---

print(F.sum(x), F.mean(x), F.max(x), F.min(x))  # -> variable(21.0) variable(3.5) variable(6.0) variable(1.0)
print(x.sum(axis=0), F.mean(x, axis=1))  # -> variable([5. 7. 9.]) variable([2. 5.])
print(F.max(x, axis=1, keepdims=True).shape)  # -> (2, 1)
print(F.var(x, axis=1), F.std(x[:, 0], ddof=0))  # -> variable([0.66666667 0.66666667]) variable(1.5)

# --- 2.3.6 where the maximum is ---

print(F.argmax(x), F.argmin(x, axis=1))  # -> variable(5) variable([0 0])

# --- 2.4.1 arithmetic ---

y = Variable(np.array([10.0, 20.0, 30.0]))
print(x + y)  # y is broadcast to the rows of x
# -> variable([[11. 22. 33.]
# ->           [14. 25. 36.]])
print(y - 1, 2 * y, y / 4, y**2)
# -> variable([ 9. 19. 29.]) variable([20. 40. 60.]) variable([2.5 5.  7.5]) variable([100. 400. 900.])
print(F.maximum(x, 3.5))
# -> variable([[3.5 3.5 3.5]
# ->           [4.  5.  6. ]])

# --- 2.4.2 products of matrices ---

print(F.matmul(x, x.T))
# -> variable([[14. 32.]
# ->           [32. 77.]])
print(F.matmul(x, y))  # -> variable([140. 320.])

# --- 2.4.3 concatenated ---

print(F.concat([x, x], axis=1))
# -> variable([[1. 2. 3. 1. 2. 3.]
# ->           [4. 5. 6. 4. 5. 6.]])

# --- 2.4.4 stacked ---

print(F.stack([y, y]))
# -> variable([[10. 20. 30.]
# ->           [10. 20. 30.]])
print(F.stack([x, x], axis=-1).shape)  # -> (2, 3, 2)

# --- 2.4.5 compared ---

print(F.equal(x[0], np.array([1, 0, 3])), F.less(x[1], 5))
# -> variable([ True False  True]) variable([ True False False])
print(F.where(F.greater(x, 3), x, 0))  # `==` and `<` compare no elements: variables are keys of dictionaries
# -> variable([[0. 0. 0.]
# ->           [4. 5. 6.]])
print(F.one_hot([0, 2], 3))
# -> variable([[1. 0. 0.]
# ->           [0. 0. 1.]])

# --- and their derivatives ---

print(grad(F.max(x, axis=1), x))
# -> variable([[0. 0. 1.]
# ->           [0. 0. 1.]])
print(grad(F.take(x, [2, 0, 0], axis=1), x))  # a column that is taken twice gets two gradients
# -> variable([[2. 0. 1.]
# ->           [2. 0. 1.]])
print(grad(F.pad(x[0] ** 2, (1, 2)), x))
# -> variable([[2. 4. 6.]
# ->           [0. 0. 0.]])
