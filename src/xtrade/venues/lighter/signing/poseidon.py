"""The hash Poseidon2: twelve numbers below p, stirred; eight of them take in, the first ones give out.

digest   the hash of numbers
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from xtrade.venues.lighter.signing.compiled import kernel, part
from xtrade.venues.lighter.signing.goldilocks import ZERO, Number, add, multiply
from xtrade.venues.lighter.signing.quintic import Words

__all__ = ["digest"]

_WIDTH: Final = 12
_RATE: Final = 8
_FULL_ROUNDS: Final = 8
_PARTIAL_ROUNDS: Final = 22

# The constants of elliottech/poseidon_crypto: what is added to all numbers in each full round, what is added to the
# first one in each partial round, and what numbers are multiplied with in these.
# fmt: off
_EVERYWHERE: Final = np.array(
    (
        15492826721047263190, 11728330187201910315, 8836021247773420868, 16777404051263952451,
        5510875212538051896, 6173089941271892285, 2927757366422211339, 10340958981325008808,
        8541987352684552425, 9739599543776434497, 15073950188101532019, 12084856431752384512,
        4584713381960671270, 8807052963476652830, 54136601502601741, 4872702333905478703,
        5551030319979516287, 12889366755535460989, 16329242193178844328, 412018088475211848,
        10505784623379650541, 9758812378619434837, 7421979329386275117, 375240370024755551,
        3331431125640721931, 15684937309956309981, 578521833432107983, 14379242000670861838,
        17922409828154900976, 8153494278429192257, 15904673920630731971, 11217863998460634216,
        3301540195510742136, 9937973023749922003, 3059102938155026419, 1895288289490976132,
        5580912693628927540, 10064804080494788323, 9582481583369602410, 10186259561546797986,
        247426333829703916, 13193193905461376067, 6386232593701758044, 17954717245501896472,
        1531720443376282699, 2455761864255501970, 11234429217864304495, 4746959618548874102,
        13571697342473846203, 17477857865056504753, 15963032953523553760, 16033593225279635898,
        14252634232868282405, 8219748254835277737, 7459165569491914711, 15855939513193752003,
        16788866461340278896, 7102224659693946577, 3024718005636976471, 13695468978618890430,
        8214202050877825436, 2670727992739346204, 16259532062589659211, 11869922396257088411,
        3179482916972760137, 13525476046633427808, 3217337278042947412, 14494689598654046340,
        15837379330312175383, 8029037639801151344, 2153456285263517937, 8301106462311849241,
        13294194396455217955, 17394768489610594315, 12847609130464867455, 14015739446356528640,
        5879251655839607853, 9747000124977436185, 8950393546890284269, 10765765936405694368,
        14695323910334139959, 16366254691123000864, 15292774414889043182, 10910394433429313384,
        17253424460214596184, 3442854447664030446, 3005570425335613727, 10859158614900201063,
        9763230642109343539, 6647722546511515039, 909012944955815706, 18101204076790399111,
        11588128829349125809, 15863878496612806566, 5201119062417750399, 176665553780565743,
    ),
    dtype=np.uint64,
).reshape(8, 12)
_AT_THE_FIRST: Final = np.array(
    (
        11921381764981422944, 10318423381711320787, 8291411502347000766, 229948027109387563,
        9152521390190983261, 7129306032690285515, 15395989607365232011, 8641397269074305925,
        17256848792241043600, 6046475228902245682, 12041608676381094092, 12785542378683951657,
        14546032085337914034, 3304199118235116851, 16499627707072547655, 10386478025625759321,
        13475579315436919170, 16042710511297532028, 1411266850385657080, 9024840976168649958,
        14047056970978379368, 838728605080212101,
    ),
    dtype=np.uint64,
)
_DIAGONAL: Final = np.array(
    (
        14102670999874605824, 15585654191999307702, 940187017142450255, 8747386241522630711,
        6750641561540124747, 7440998025584530007, 6136358134615751536, 12413576830284969611,
        11675438539028694709, 17580553691069642926, 892707462476851331, 15167485180850043744,
    ),
    dtype=np.uint64,
)
# fmt: on


def digest(numbers: Sequence[int], outputs: int = 5) -> tuple[int, ...]:
    """Return the hash of numbers below p, as numbers below p."""
    state = np.zeros(_WIDTH, np.uint64)
    _absorb(np.array(numbers, np.uint64), state)
    return tuple(int(number) for number in state[:outputs])


@kernel
def _absorb(numbers: Words, state: Words) -> None:
    """Let `state` take in all numbers."""
    for start in range(0, len(numbers), _RATE):
        for place in range(min(_RATE, len(numbers) - start)):
            state[place] = numbers[start + place]
        _permute(state)


@part
def _permute(state: Words) -> None:
    _mix(state)
    for turn in range(_FULL_ROUNDS):
        for place in range(_WIDTH):
            state[place] = _seventh(add(state[place], _EVERYWHERE[turn, place]))
        _mix(state)
        if turn == _FULL_ROUNDS // 2 - 1:
            _partial_rounds(state)


@part
def _partial_rounds(state: Words) -> None:
    for turn in range(_PARTIAL_ROUNDS):
        state[0] = _seventh(add(state[0], _AT_THE_FIRST[turn]))
        total = ZERO
        for place in range(_WIDTH):
            total = add(total, state[place])
        for place in range(_WIDTH):
            state[place] = add(multiply(state[place], _DIAGONAL[place]), total)


@part
def _seventh(a: Number) -> Number:
    squared = multiply(a, a)
    return multiply(multiply(squared, squared), multiply(squared, a))


@part
def _mix(state: Words) -> None:
    """Mix each four numbers by the circulant matrix (2, 3, 1, 1), then all with those at their place in other fours."""
    for start in range(0, _WIDTH, 4):
        a, b, c, d = state[start], state[start + 1], state[start + 2], state[start + 3]
        total = add(add(a, b), add(c, d))
        state[start] = add(add(total, a), add(b, b))
        state[start + 1] = add(add(total, b), add(c, c))
        state[start + 2] = add(add(total, c), add(d, d))
        state[start + 3] = add(add(total, d), add(a, a))
    for place in range(4):
        total = add(add(state[place], state[place + 4]), state[place + 8])
        for start in range(0, _WIDTH, 4):
            state[start + place] = add(state[start + place], total)
