"""Step 25: visualizing computational graphs (1). No code.

One line of Goldstein-Price (step 24) hides a graph of dozens of functions. A picture of it helps to find a
mistake, to see where work is done twice, and to explain to others what is computed. Graphviz draws such pictures:
a program for the command line, `dot`, that reads a text and places the boxes and arrows by itself. This step is
about that text; the next one writes it.

Install it with `apt install graphviz` or `brew install graphviz`, or from graphviz.org, and ask `dot -V` whether
it is there. A text in the file sample.dot becomes a picture by

    dot sample.dot -T png -o sample.png          -T: the format (png, pdf, svg ...);  -o: the file to write

The text is one block, `digraph g { ... }`, one item a line. Four samples, each one more idea than the one before.

(1) A word is a node. It is drawn as an ellipse with the word in it.

    digraph g {
    x                                                   ( x )      ( y )
    y
    }

(2) A node may have a number that names it, and attributes in brackets: the label is what one reads, the color
with style=filled is the colour it is filled with. Numbers must differ, labels need not. Here both are orange:

    digraph g {
    1 [label="x", color=orange, style=filled]           ( x )      ( y )
    2 [label="y", color=orange, style=filled]
    }

(3) shape=box makes a rectangle. From here on variables are orange ellipses and functions light blue boxes.

    digraph g {
    1 [label="x", color=orange, style=filled]
    2 [label="y", color=orange, style=filled]           ( x )      ( y )      [ Exp ]
    3 [label="Exp", color=lightblue, style=filled, shape=box]
    }

(4) An arrow goes from one number to another. Nobody said where the nodes lie; `dot` finds the rows by itself.

    digraph g {                                                     ( x )
    1 [label="x", color=orange, style=filled]                         |
    2 [label="y", color=orange, style=filled]                         v
    3 [label="Exp", color=lightblue, style=filled, shape=box]      [ Exp ]
    1 -> 3                                                            |
    3 -> 2                                                            v
    }                                                               ( y )

That is all of the language that a computational graph needs: a line for each variable, a line for each function,
and an arrow for each link.

Where it landed: step 26 writes this text from a Variable; in the finished stage it is in `dot.py`.
"""
