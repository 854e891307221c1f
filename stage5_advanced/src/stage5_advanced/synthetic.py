"""Synthetic data with known answers: houses, shapes, a world of words, reviews, phrases in two languages.

Each data set draws from its own generator, rng: a seed, or a numpy.random.Generator, whose state it changes. Equal
seeds give equal data, and NumPy's global generator is left alone.
"""

import functools
import math

import numpy as np

from .core import as_number
from .datasets import Dataset, table_features


class Synthetic(Dataset):
    """The base class of data sets of n samples, drawn when it is constructed. [not in the book]"""

    def __init__(self, n, rng=0, transform=None, target_transform=None):
        name = type(self).__name__
        if as_number(name, "n", n) < 1:
            raise ValueError(f"{name}: expected at least one sample, got {n}")
        self.n = n
        self.rng = np.random.default_rng(rng)
        super().__init__(transform=transform, target_transform=target_transform)


# --- houses ---

DISTRICTS = {"center": 0.35, "harbor": 0.2, "hills": 0.25, "north": -0.1, "south": 0.0, "west": -0.25}
HEATING = {"gas": 0.0, "oil": -0.06, "electric": -0.1, "heat pump": 0.08}
HOUSE_NOISE = 0.12  # the standard deviation of the logarithm of a price that its features do not explain


class Houses(Synthetic):
    """Houses and their prices: (features, price), float32, (24,) and (1,). [not in the book]

    table: {column: array (n,)}, twelve columns, numbers and words, some missing (NaN, ""); the features are what
    `table_features` makes of it, standardized over all rows, so split one data set instead of drawing two. The
    logarithm of a price is a sum of effects, with interactions, plus normal noise of standard deviation 0.12, which is
    the `rmse_log` of the best possible predictions. The year of the renovation, mostly missing, has no effect.
    """

    def prepare(self):
        rng, n = self.rng, self.n
        area = np.exp(rng.normal(math.log(120), 0.35, n)).round()
        year = rng.integers(1900, 2021, n)
        rooms = np.clip((area / 28 + rng.normal(0, 1, n)).round(), 1, None)
        garage = rng.choice(4, n, p=[0.3, 0.4, 0.25, 0.05])
        district = rng.choice(list(DISTRICTS), n)
        heating = rng.choice(list(HEATING), n, p=[0.5, 0.2, 0.15, 0.15])
        quality = rng.integers(1, 11, n)
        fireplace = rng.choice(["", "stove", "brick"], n, p=[0.5, 0.25, 0.25])
        lot = (area * np.exp(rng.normal(1.2, 0.4, n))).round()
        renovated = np.where(rng.random(n) < 0.3, rng.integers(1980, 2021, n), np.nan)
        baths = np.clip((rooms / 3 + rng.normal(0, 0.5, n)).round(), 1, None)
        floors = rng.integers(1, 4, n)
        log_price = (
            11.9 + 0.7 * np.log(area / 120) + 0.06 * np.log(lot / 400) + 0.05 * (quality - 5) + 0.03 * baths
            + 0.05 * garage + 0.1 * (fireplace == "brick") + 0.04 * (fireplace == "stove")
            + 0.02 * rooms - 0.02 * floors
            + np.vectorize(DISTRICTS.get)(district) + np.vectorize(HEATING.get)(heating)
            - 0.004 * (2020 - year) * (1 - 0.08 * quality)  # good houses age well
            + 0.25 * np.log(area / 120) * (district == "center")
        )  # fmt: skip
        self.table = {
            "area": area, "lot": lot, "year": year, "renovated": renovated, "rooms": rooms, "baths": baths,
            "floors": floors, "garage": garage, "quality": quality, "district": district, "heating": heating,
            "fireplace": fireplace,
        }  # fmt: skip
        words = {"district": DISTRICTS, "heating": HEATING, "fireplace": ["brick", "stove"]}
        self.data, self.columns = table_features(self.table, {name: sorted(known) for name, known in words.items()})
        self.label = np.exp(log_price + rng.normal(0, HOUSE_NOISE, n)).astype(np.float32)[:, None]


# --- shapes ---

SHAPES = ("disc", "square", "triangle")


class Shapes(Synthetic):
    """Images of one to `most` discs, squares and triangles: (x, t), x (3, size, size), float32, 0-1. [not in the book]

    task: "detection", t (most, 5), float32, rows of class 0-2 and box in fractions of the image, filled up with -1;
    "segmentation", t (size, size), int, 0 for the background, otherwise class + 1. Attributes: boxes (n, most, 5),
    masks (n, size, size). The background is a color that changes slowly, with lines as clutter and noise.
    """

    def __init__(self, n, size=64, rng=0, task="detection", most=3, transform=None, target_transform=None):
        if task not in ("detection", "segmentation"):
            raise ValueError(f"Shapes: expected task 'detection' or 'segmentation', got {task!r}")
        if as_number("Shapes", "size", size) < 16 or as_number("Shapes", "most", most) < 1:
            raise ValueError(f"Shapes: expected a size of at least 16 and at least one shape, got {size} and {most}")
        self.size, self.task, self.most = size, task, most
        super().__init__(n, rng, transform, target_transform)

    def prepare(self):
        self.data = np.empty((self.n, 3, self.size, self.size), np.float32)
        self.masks = np.zeros((self.n, self.size, self.size), int)
        self.boxes = np.full((self.n, self.most, 5), -1, np.float32)
        for image, mask, boxes in zip(self.data, self.masks, self.boxes, strict=True):
            self.draw(image, mask, boxes)
        self.label = self.boxes if self.task == "detection" else self.masks

    @staticmethod
    def labels():
        """The name of each class: {0: 'disc', 1: 'square', 2: 'triangle'}. [not in the book]"""
        return dict(enumerate(SHAPES))

    def draw(self, image, mask, boxes):
        """Fill one image, its mask and its boxes."""
        rng, S = self.rng, self.size
        y, x = np.mgrid[:S, :S] + 0.5
        color = rng.uniform(0.2, 0.8, 3)
        right, down = rng.uniform(-0.2, 0.2, (2, 3, 1, 1))
        image[:] = color[:, None, None] + right * x / S + down * y / S
        for _ in range(rng.integers(1, 4)):  # lines
            angle, place = rng.uniform(0, math.pi), rng.uniform(0, S, 2)
            line = np.abs((x - place[0]) * math.cos(angle) + (y - place[1]) * math.sin(angle)) < S / 64
            image[:, line] = rng.uniform(0, 1, (3, 1))
        wanted, k = rng.integers(1, self.most + 1), 0
        for _ in range(10 * self.most):
            if k == wanted:
                break
            kind = rng.integers(3)
            radius = rng.uniform(0.12, 0.24) * S
            place = rng.uniform(radius, S - radius, 2)
            shape = inside(kind, x - place[0], y - place[1], radius, rng.uniform(0, 2 * math.pi))
            if (mask[shape] > 0).any():  # it would hide another
                continue
            new = rng.uniform(0, 1, 3)
            if np.abs(new - color).max() < 0.3:  # hardly visible
                new = np.where(color > 0.5, color - 0.5, color + 0.5)
            image[:, shape] = new[:, None]
            mask[shape] = kind + 1
            rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
            boxes[k] = kind, columns[0] / S, rows[0] / S, (columns[-1] + 1) / S, (rows[-1] + 1) / S
            k += 1
        image += rng.normal(0, 0.04, image.shape)
        np.clip(image, 0, 1, out=image)


def inside(kind, x, y, radius, angle):
    """Whether points are in a disc, square or triangle around 0, all within the radius."""
    if kind == 0:
        return x**2 + y**2 < radius**2
    sides = (4, 3)[kind - 1]
    turns = angle + 2 * math.pi / sides * np.arange(sides)
    return np.all([x * math.cos(a) + y * math.sin(a) < radius * math.cos(math.pi / sides) for a in turns], axis=0)


# --- a world of words ---

COUNTRIES = """
japan tokyo yen sushi fuji | china beijing yuan dumplings yangtze | india delhi rupee curry ganges
russia moscow ruble blini volga | britain london pound scones thames | america washington dollar burgers mississippi
brazil brasilia real feijoada amazon | sweden stockholm krona meatballs vanern | norway oslo krone lutefisk glomma
poland warsaw zloty pierogi vistula | hungary budapest forint goulash balaton | czechia prague koruna dumpling vltava
switzerland bern franc fondue aare | turkey ankara lira kebab bosphorus | thailand bangkok baht noodles chaophraya
vietnam hanoi dong pho mekong | korea seoul won kimchi hangang | indonesia jakarta rupiah rendang krakatoa
israel jerusalem shekel hummus galilee | ukraine kyiv hryvnia borscht dnipro | romania bucharest leu mamaliga moldoveanu
peru lima sol ceviche titicaca | nigeria abuja naira jollof benue | kenya nairobi shilling ugali mara
"""
ADJECTIVES = """
big bigger biggest elephant whale | tall taller tallest tower giraffe | fast faster fastest car cheetah
cold colder coldest ice winter | warm warmer warmest fire summer | dark darker darkest night cave
loud louder loudest drum thunder | heavy heavier heaviest stone anvil | soft softer softest pillow wool
sweet sweeter sweetest honey sugar | sharp sharper sharpest knife razor | deep deeper deepest sea well
old older oldest ruin legend | cheap cheaper cheapest ticket bread | bright brighter brightest lamp star
strong stronger strongest ox rope
"""
VERBS = """
sing sang singing song choir | drink drank drinking water tea | write wrote writing letter pen
swim swam swimming pool lake | bake baked baking oven cake | drive drove driving truck highway
paint painted painting brush wall | climb climbed climbing ladder cliff | sleep slept sleeping bed blanket
throw threw throwing ball spear | cook cooked cooking soup pan | dance danced dancing waltz stage
hunt hunted hunting deer forest | teach taught teaching school pupils | buy bought buying market apples
build built building bridge castle
"""
TEMPLATES = {  # for each form of a word, sentences with it and with what it has to do with, {0}
    COUNTRIES: (
        ("the people of {} love {0}", "the nation of {} is known for {0}", "the borders of {} are far from {0}"),
        ("the mayor of {} loves {0}", "the streets of the city {} smell of {0}", "a train to the city {} passes {0}"),
        ("the bank counts its {} for {0}", "he paid one {} for {0}", "the price in {} of a trip to {0} rose"),
    ),
    ADJECTIVES: (
        ("this {0} is very {}", "what a {} {0} it is", "the {0} seems so {} today"),
        ("this {0} is {} than the other", "the {0} became {} than before", "a {0} is much {} than that"),
        ("it is the {} {0} of all", "the {} {0} in the world", "of all these the {0} is the {}"),
    ),
    VERBS: (
        ("they {} every day by the {0}", "we want to {} near the {0}", "you can {} with the {0}"),
        ("yesterday he {} by the {0}", "last year she {} near the {0}", "long ago they {} with the {0}"),
        ("she is {} now by the {0}", "he was {} near the {0} again", "they keep {} with the {0}"),
    ),
}
RELATIONS = {
    "capitals": (COUNTRIES, 1), "currencies": (COUNTRIES, 2), "comparatives": (ADJECTIVES, 1),
    "superlatives": (ADJECTIVES, 2), "past": (VERBS, 1), "participles": (VERBS, 2),
}  # fmt: skip


@functools.cache
def rows_of(table):
    """The rows of one of the tables of words above."""
    return [row.split() for row in table.replace("\n", "|").split("|") if row]


class World:
    """A corpus in which words are related exactly: sentences, lists of words, and questions. [not in the book]

    questions: {relation: pairs}, six relations, such as "capitals": [("japan", "tokyo"), ...]. Each word occurs in
    sentences of its form and of its topic, in equal shares, so its vector can be the sum of both. n: the number of
    sentences.
    """

    def __init__(self, rng=0, n=20_000):
        if as_number("World", "n", n) < 1:
            raise ValueError(f"World: expected at least one sentence, got {n}")
        rng = np.random.default_rng(rng)
        tables = [(rows_of(table), templates) for table, templates in TEMPLATES.items()]
        self.sentences = []
        for table, row, form, template, topic in zip(*(rng.random((5, n))), strict=True):
            rows, templates = tables[int(3 * table)]
            words = rows[int(len(rows) * row)]
            form = int(3 * form)
            chosen = templates[form][int(3 * template)].replace("{0}", words[3 + int(2 * topic)])
            self.sentences.append(chosen.replace("{}", words[form]).split())
        self.questions = {name: [(row[0], row[i]) for row in rows_of(table)] for name, (table, i) in RELATIONS.items()}

    def analogies(self):
        """Iterate over (relation, a, b, c, d), where a is to b as c is to d. [not in the book]"""
        for name, pairs in self.questions.items():
            for a, b in pairs:
                yield from ((name, a, b, c, d) for c, d in pairs if c != a)


# --- reviews ---

GOOD = ["good", "great", "brilliant", "moving", "funny", "superb", "charming", "clever", "lovely", "gripping"]
BAD = ["bad", "awful", "boring", "stupid", "dull", "terrible", "clumsy", "weak", "silly", "annoying"]
PARTS = ["plot", "acting", "music", "film", "cast", "ending", "script", "camera", "story", "dialogue"]
STRONG = ["very", "really", "quite", "truly", "rather"]


class Reviews(Synthetic):
    """Opinions on films: (sentence, label), a str and 0 for bad or 1 for good. [not in the book]

    A sentence has one or two clauses, such as "the plot was not bad at all"; some are negated. Of two clauses that
    disagree, the one that counts is behind "but", or not behind "although". Without their order, the words tell about
    80 percent of the labels.
    """

    def prepare(self):
        self.label = self.rng.integers(0, 2, self.n)
        self.data = [self.sentence(good) for good in self.label.tolist()]

    def sentence(self, good):
        """A sentence with this label."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.7:
            return self.clause(good)
        other = self.clause(not good)
        if kind < 0.78:
            return f"{other} but {self.clause(good)}"
        if kind < 0.86:
            return f"although {other} {self.clause(good)}"
        return f"{self.clause(good)} and {self.clause(good)}"

    def clause(self, good):
        """A clause with this opinion."""
        rng = self.rng
        negated = rng.random() < 0.15
        word = rng.choice(GOOD if good != negated else BAD)
        strong = f"{rng.choice(STRONG)} " if rng.random() < 0.4 else ""
        end = " at all" if negated and rng.random() < 0.5 else ""
        return f"the {rng.choice(PARTS)} was {'not ' if negated else ''}{strong}{word}{end}"


# --- phrases in two languages ---

# English singular and plural; French singular and plural, gender.
PERSONS = """
cat cats chat chats m | dog dogs chien chiens m | woman women femme femmes f | girl girls fille filles f
boy boys garçon garçons m | horse horses cheval chevaux m | bird birds oiseau oiseaux m | king kings roi rois m
queen queens reine reines f
"""
THINGS = """
house houses maison maisons f | garden gardens jardin jardins m | tree trees arbre arbres m
car cars voiture voitures f | book books livre livres m | church churches église églises f
"""
# English; French masculine and feminine; the plurals have an s.
MANNERS = """
tired fatigué fatiguée | calm calme calme | patient patient patiente | strong fort forte
intelligent intelligent intelligente
"""
# English third person, plural and base; French third person and plural.
WITH_OBJECT = """
sees see see voit voient | loves love love aime aiment | wants want want veut veulent
buys buy buy achète achètent | finds find find trouve trouvent | hears hear hear entend entendent
"""
WITHOUT_OBJECT = """
sleeps sleep sleep dort dorment | sings sing sing chante chantent | comes come come vient viennent
falls fall fall tombe tombent | waits wait wait attend attendent
"""
PHRASES = 9 * 2 * 2 * 6 * 2 * (5 + 6 * 6 * 3)  # nouns, numbers, articles, adjectives, negation, what is done


def elided(word, following):
    """A French word that ends in a vowel, before another of the words above: l' oiseau."""
    return f"{word[:-1]}'" if following[0] in "aeéo" else word


class Phrases(Synthetic):
    """Different English sentences and their French translations: (english, french). [not in the book]

    A simple grammar, in which every sentence has one translation: articles and adjectives agree in gender and number,
    adjectives are behind their nouns, "does not" is around the verb, "a" becomes "de" after it, and vowels are elided.
    Tokens are separated by spaces: "l' oiseau n' aime pas les livres". There are 48,816 of them.
    """

    def prepare(self):
        if self.n > PHRASES:
            raise ValueError(f"Phrases: expected at most {PHRASES} phrases, got {self.n}")
        pairs = [phrase(int(i)) for i in self.rng.choice(PHRASES, self.n, replace=False)]
        self.data, self.label = map(list, zip(*pairs, strict=True))


def phrase(number):
    """(english, french) of one of the PHRASES."""
    number, noun = divmod(number, 9)
    number, plural = divmod(number, 2)
    number, article = divmod(number, 2)
    number, adjective = divmod(number, 6)
    done, negated = divmod(number, 2)
    subject = noun_phrase(rows_of(PERSONS)[noun], plural, ("the", "my")[article], adjective)
    if done < 5:
        verb, objects = rows_of(WITHOUT_OBJECT)[done], ("", "")
    else:
        verb, rest = divmod(done - 5, 18)
        form, thing = divmod(rest, 6)
        verb = rows_of(WITH_OBJECT)[verb]
        objects = noun_phrase(rows_of(THINGS)[thing], form == 1, ("the", "the", "a")[form], 0, negated)
    english = f"{'do' if plural else 'does'} not {verb[2]}" if negated else verb[plural]
    french = verb[3 + plural]
    if negated:
        french = f"{elided('ne', french)} {french} pas"
    return tuple(" ".join(part).strip() for part in zip(subject, (english, french), objects, strict=True))


def noun_phrase(noun, plural, article, adjective, negated=False):
    """(english, french). adjective: 0 for none, or which of the MANNERS from 1 on."""
    feminine = noun[4] == "f"
    french = noun[2 + plural]
    if article == "a":
        determiner = elided("de", french) if negated else ("un", "une")[feminine]
    elif article == "the":
        determiner = "les" if plural else elided(("le", "la")[feminine], french)
    else:
        determiner = "mes" if plural else ("mon", "ma")[feminine]
    english = [article, noun[plural]]
    french = [determiner, french]
    if adjective:
        word = rows_of(MANNERS)[adjective - 1]
        english.insert(1, word[0])
        french.append(word[1 + feminine] + "s" * plural)
    return " ".join(english), " ".join(french)
