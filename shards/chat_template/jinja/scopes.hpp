// Decides which scope each variable of a template belongs to, by jinja2's rules (its idtracking.py).
//
// A scope (the template, a loop's body, a macro, ...) owns a name when it assigns it anywhere, and also when it is the
// first to read it. So an assignment behind a loop already hides the template's variable of that name within the loop.
#pragma once

#include "base/result.hpp"
#include "shards/chat_template/jinja/syntax.hpp"

namespace troupe::jinja {

/// Fills in all scopes of the tree, and what macros and loops use of their special variables. Errors: invalid_argument
/// with the line, for a filter or test that does not exist (unless an `if` may skip it), an assignment to `loop` in a
/// loop, a block defined twice.
result<void> analyse_scopes(template_tree& tree);

}  // namespace troupe::jinja
