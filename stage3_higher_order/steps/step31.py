"""Step 31: higher-order derivatives, the theory. No code.

The forward pass of y = sin(x) leaves a graph. Call it G1:

    G1      (x) ---> [ Sin ] ---> (y)

Its backward pass computes gx = gy * cos(x), which could be drawn as a graph as well:

    G2      (x) ---> [ Cos ] ---> (cos x) ---> [ Mul ] ---> (gx)
                                                  ^
                                      (gy) -------'

If G2 were there, then `gx.backward()` would walk it like any other graph, and what arrives at x is the derivative
of gx: the second derivative of y. Its backward pass makes a graph G3, and so on: position, speed, acceleration.

Why is G2 not there? A graph comes into being where a Function is called with Variables, nowhere else. The backward
pass computes with arrays and NumPy. So two things have to change:

  - `grad` holds a Variable, not an array, and Variables travel on the way back;
  - each `backward` computes with functions of the framework: `gy * cos(x)`, where `*` and `cos` are ours.

    before   x  [ data ]---> array         now   x  [ data ]---> array
                [ grad ]---> array                  [ grad ]---> (gx)  [ data ]---> array
                                                                       [ grad ]---> its own derivative, one day

Then the way back makes links by itself, and not a line has to be written for the second derivative:

    forward      (x) -----------> [ Sin ] -----------> (y)

    backward     (x) ---> [ Cos ] ---> (cos x) ---> [ Mul ] <--- (gy)
                                                       |
                 x.grad ------------> (gx) <-----------'

One more thing to remember: variables in between give their gradient back after a pass (step 18), so `y.grad` is
None afterwards, and gy lives on only as an input of Mul. x, which the user made, keeps its own.

Where it landed: step 32 does it.
"""
