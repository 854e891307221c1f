"""Step 30: higher-order derivatives, the preparation. No code.

Before anything changes: what does the framework of stage 2 do, and at which place does it stop at the first
derivative? Four facts, with y = sin(x) as the example.

(1) A variable has two places, and both hold arrays.

    x = Variable(np.array(2.0))      x  [ data ]---> array(2.0)
                                        [ grad ]---> None

    after backward                   x  [ data ]---> array(2.0)
                                        [ grad ]---> array(-0.416...)

(2) `Function.__call__` takes variables, computes on their arrays, and makes variables of the results. And there,
while it computes, it makes the links of the graph, unless `no_grad` says otherwise. No other place makes any.

    (x) <--inputs-- [ Sin ] <--creator-- (y)

(3) `forward` and `backward` of a function take arrays and return arrays:

    class Sin(Function):
        def forward(self, x):
            return np.sin(x)

        def backward(self, gy):
            x = self.inputs[0].data
            return gy * np.cos(x)

(4) `Variable.backward` starts with an array of ones, walks from the newest generation to the oldest, collects the
gradients of a function's outputs, calls its `backward`, and adds what comes back to the gradients of its inputs.

    forward      (x) ---> [ np.sin      ] ---> (y)        variables, linked
    backward     gx  <--- [ gy * np.cos ] <--- gy         arrays, linked to nothing

The way back is a computation as much as the way forward: a cosine, a product, perhaps a sum. But it is done on
bare arrays, behind the framework's back. When it is over, the number gx is there and nobody knows how it was made.

Where it landed: step 31 draws the conclusion.
"""
