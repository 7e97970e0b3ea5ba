"""Why can these two machines not talk? The way between two taps, step by step, each with what the kernels of its hosts hold.

pair ──► gather (on each host: all I/O) ──► Sight (JSON) ──► steps (pure) ──► verdict (pure, one sentence)
                                        packets that were seen ──┘

``compiler.trace`` tells whether a frame would arrive by what is *wanted*, or by two whole host states; here the same places are looked at
one by one on live hosts, and what is wrong at a later one is told although a frame would not get so far. A test holds the two together.
"""
