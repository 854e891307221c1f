"""Step 30: higher-order derivatives, the preparation. No code.

Before anything changes: what does the framework of stage 2 do, and why does it stop at the first derivative? Four
facts, with y = sin(x) as the example.

(1) A variable has two attributes, and both hold arrays.

    x = Variable(np.array(2.0))      x  [ data ]---> array(2.0)
                                        [ grad ]---> None

    after backward                   x  [ data ]---> array(2.0)
                                        [ grad ]---> array(-0.416...)

(2) `Function.__call__` takes variables, computes with their arrays, and wraps the results in variables. At the same
time it creates the links of the graph, except under `no_grad`. Links are created nowhere else.

    (x) <--inputs-- [ Sin ] <--creator-- (y)

(3) `forward` and `backward` of a function take arrays and return arrays:

    class Sin(Function):
        def forward(self, x):
            return np.sin(x)

        def backward(self, gy):
            x = self.inputs[0].data
            return gy * np.cos(x)

(4) `Variable.backward` starts with an array of ones and visits the functions in order of decreasing generation.
It collects the gradients of a function's outputs, calls the function's `backward`, and adds the results to the
gradients of the inputs.

    forward      (x) ---> [ np.sin      ] ---> (y)        variables, linked
    backward     gx  <--- [ gy * np.cos ] <--- gy         arrays, linked to nothing

The backward pass is a computation like the forward pass: a cosine, a product, perhaps a sum. But it computes with
plain arrays, so no graph records it. Afterwards the number gx is known, but not how it was computed.

Step 31 draws the conclusion.
"""

print(__doc__)
# -> ...
