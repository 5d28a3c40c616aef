// `troupe bench side`: our engine as the program behind a program_side.
#pragma once

#include <cstdio>

#include "cli/bench/engine_side.hpp"

namespace troupe {

/// Says "ready", then obeys the lines of `in` until it ends:
///   prefill TOKENS, decode STREAMS STEPS CONTEXT, resident     as bench_side has them
///   needed                                                     as engine_side has it
///   read STEPS CONTEXT                                         bytes_read() of engine_side
/// Errors: invalid_argument (any other line), and the engine's.
result<void> obey(engine_side& side, FILE* in, FILE* out);

}  // namespace troupe
