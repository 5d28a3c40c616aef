// What of a failing seed is needed to fail.
#pragma once

#include "cli/simulate/one_run.hpp"

namespace troupe {

/// Takes away what is not needed for the same invariant to be broken, and prints the command of what is left. The
/// program's exit code: 1 where the seed breaks nothing.
int minimise(run_options options);

}  // namespace troupe
