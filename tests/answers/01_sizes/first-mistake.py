# %% wrong-last-mistake
def first_mistake(n, table):
    found = None
    for name, f, p, s, claimed in table:
        n = (n - f + 2 * p) // s + 1
        if n != claimed:
            found = (name, n)
    return found


# %% wrong-rounds-up
def first_mistake(n, table):
    for name, f, p, s, claimed in table:
        n = -((f - n - 2 * p) // s) + 1
        if n != claimed:
            return name, n
    return None


# %% wrong-gives-the-claim
def first_mistake(n, table):
    for name, f, p, s, claimed in table:
        n = (n - f + 2 * p) // s + 1
        if n != claimed:
            return name, claimed
    return None


# %% wrong-convolutions-only
def first_mistake(n, table):
    for name, f, p, s, claimed in table:
        n = (n - f + 2 * p) // s + 1
        if n != claimed and name.startswith("conv"):
            return name, n
    return None


# %% wrong-empty-words-when-right
def first_mistake(n, table):
    for name, f, p, s, claimed in table:
        n = (n - f + 2 * p) // s + 1
        if n != claimed:
            return name, n
    return ("", 0)


# %% right-compares-with-claims
def first_mistake(n, table):
    sides = [n, *(row[-1] for row in table)]
    for side, (name, f, p, s, claimed) in zip(sides, table):
        right = len(range(0, side + 2 * p - f + 1, s))
        if right != claimed:
            return (name, right)


# %% right-next
def first_mistake(n, table):
    def rows(side):
        for name, f, p, s, claimed in table:
            side = (side - f + 2 * p) // s + 1
            yield name, side, claimed

    return next(((name, side) for name, side, claimed in rows(n) if side != claimed), None)
