#!/usr/bin/env python3
"""Prints entries of transforms.json for matrices of simplexes and for those that sum to zero in both directions: the
constrained value (column by column), its log Jacobian, and the gradient of sum over i of sin(i) x_i plus the log
Jacobian, by a complex step. Simplexes are those of Stan 2.37 and later; matrices that sum to zero follow the loop of
Stan Math's sum_to_zero_constrain, element by element.

Run by hand: python3 make_matrix_transforms.py, and add the lines to transforms.json.
"""

import json, cmath, math


def s2z(u):
    n = len(u)
    x = [0j] * (n + 1)
    total = 0
    for i in range(n, 0, -1):
        w = u[i - 1] / math.sqrt(i * (i + 1))
        total += w
        x[i - 1] += total
        x[i] -= w * i
    return x


def simplex(u):
    z = s2z(u)
    e = [cmath.exp(v) for v in z]
    s = sum(e)
    K = len(z)
    return [v / s for v in e], 0.5 * math.log(K) - K * cmath.log(s)


def col(u, N, M):
    x = []
    j = 0
    for k in range(M):
        v, l = simplex(u[k * (N - 1) : (k + 1) * (N - 1)])
        x += v
        j += l
    return x, j


def row(u, N, M):
    X = [[0] * M for _ in range(N)]
    j = 0
    for i in range(N):
        v, l = simplex([u[k * N + i] for k in range(M - 1)])
        j += l
        X[i] = v
    return [X[i][k] for k in range(M) for i in range(N)], j


def zero(u, N, M):  # Stan Math's loop (sum_to_zero_constrain of a matrix)
    n, m = N - 1, M - 1
    Z = [[0j] * M for _ in range(N)]
    beta = [0j] * n
    for j in range(m - 1, -1, -1):
        ax = 0
        aj = 1 / math.sqrt((j + 1) * (j + 2))
        bj = (j + 1) * aj
        for i in range(n - 1, -1, -1):
            ai = 1 / math.sqrt((i + 1) * (i + 2))
            bi = (i + 1) * ai
            bix = bi * u[j * n + i] - ax
            Z[i][j] = bj * bix - beta[i]
            beta[i] += aj * bix
            Z[n][j] -= Z[i][j]
            Z[i][m] -= Z[i][j]
            ax += ai * u[j * n + i]
        Z[n][m] -= Z[n][j]
    return [Z[i][k] for k in range(M) for i in range(N)], 0


rows = []
for name, f, sizes in [
    ("column_stochastic_matrix", col, [(3, 2), (2, 3), (1, 2)]),
    ("row_stochastic_matrix", row, [(2, 3), (3, 2), (2, 1)]),
    ("sum_to_zero_matrix", zero, [(3, 4), (2, 2), (4, 2), (1, 3)]),
]:
    for N, M in sizes:
        count = {"c": (N - 1) * M, "r": N * (M - 1), "s": (N - 1) * (M - 1)}[name[0]]
        for scale in (1, 2.3):
            u = [scale * math.sin(1.3 * i + 0.4) for i in range(count)]
            value = lambda v: (lambda x, j: sum(math.sin(i + 1) * x[i] for i in range(len(x))) + j)(*f(v, N, M))
            x, j = f([complex(v) for v in u], N, M)
            g = []
            for k in range(count):
                v = [complex(w) for w in u]
                v[k] += 1e-30j
                g.append((value(v)).imag / 1e-30)
            if count:
                rows.append(
                    dict(
                        type="%s[%d, %d]" % (name, N, M),
                        statement="",
                        unconstrained=u,
                        constrained=[complex(v).real for v in x],
                        log_jacobian=complex(j).real,
                        value=complex(value(u)).real,
                        gradient=g,
                    )
                )
print(",\n".join(json.dumps(r) for r in rows))
