"""Step 31: higher-order derivatives, the theory. No code.

The forward pass of y = sin(x) builds a graph. Call it G1:

    G1      (x) ---> [ Sin ] ---> (y)

Its backward pass computes gx = gy * cos(x), which is a graph as well:

    G2      (x) ---> [ Cos ] ---> (cos x) ---> [ Mul ] ---> (gx)
                                                  ^
                                      (gy) -------'

If G2 existed, `gx.backward()` would traverse it like any other graph and compute the derivative of gx with respect to
x, which is the second derivative of y. That pass builds a graph G3, and so on: position, velocity, acceleration.

Why does G2 not exist? Only a call of a Function with Variables extends a graph. The backward pass computes with arrays
and NumPy. So two things have to change:

  - `grad` holds a Variable, not an array, and the gradients of the backward pass are Variables;
  - each `backward` computes with functions of the framework: in `gy * cos(x)`, both `*` and `cos`.

    before   x  [ data ]---> array         now   x  [ data ]---> array
                [ grad ]---> array                  [ grad ]---> (gx)  [ data ]---> array
                                                                       [ grad ]---> the second derivative, later

Then the backward pass builds a graph automatically, and the second derivative needs no new code:

    forward      (x) -----------> [ Sin ] -----------> (y)

    backward     (x) ---> [ Cos ] ---> (cos x) ---> [ Mul ] <--- (gy)
                                                       |
                 x.grad ------------> (gx) <-----------'

The gradients of intermediate variables are discarded after a pass (step 18), so `y.grad` is None afterwards, and gy
remains only as an input of Mul. The leaf x keeps its gradient.

Step 32 is the implementation.
"""

print(__doc__)
# -> ...
