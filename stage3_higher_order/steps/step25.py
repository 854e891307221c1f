"""Step 25: visualizing computational graphs (1). No code.

One line of Goldstein-Price (step 24) builds a graph of dozens of functions. A drawing of the graph helps to find
mistakes and repeated work, and to explain a computation to others. Graphviz makes such drawings: its command `dot`
reads a text and places the boxes and arrows. This step is about that text; step 26 generates it.

Install Graphviz with `apt install graphviz`, with `brew install graphviz` or from graphviz.org, and test it with
`dot -V`. The command that draws the text in the file sample.dot is

    dot sample.dot -T png -o sample.png          -T: the format (png, pdf, svg ...);  -o: the output file

The text is one block, `digraph g { ... }`, with one item per line. Four samples; each adds one idea.

(1) A word is a node, drawn as an ellipse with the word inside.

    digraph g {
    x                                                   ( x )      ( y )
    y
    }

(2) A number can identify a node, with attributes in brackets: `label` is the text shown, and `color` is the fill
color if style=filled. Numbers must be unique, labels need not be. Here both nodes are orange:

    digraph g {
    1 [label="x", color=orange, style=filled]           ( x )      ( y )
    2 [label="y", color=orange, style=filled]
    }

(3) shape=box makes a rectangle. From here on variables are orange ellipses and functions are light blue boxes.

    digraph g {
    1 [label="x", color=orange, style=filled]
    2 [label="y", color=orange, style=filled]           ( x )      ( y )      [ Exp ]
    3 [label="Exp", color=lightblue, style=filled, shape=box]
    }

(4) An arrow connects two numbers. The text does not say where the nodes are; `dot` finds their positions.

    digraph g {                                                     ( x )
    1 [label="x", color=orange, style=filled]                         |
    2 [label="y", color=orange, style=filled]                         v
    3 [label="Exp", color=lightblue, style=filled, shape=box]      [ Exp ]
    1 -> 3                                                            |
    3 -> 2                                                            v
    }                                                               ( y )

A computational graph needs nothing more: a line for each variable, a line for each function, and a line for each
arrow. Step 26 generates this text from a Variable; in the package the code is in `dot.py`.
"""

print(__doc__)
# -> ...
