// Whether a macro uses `caller`, or a loop's body `loop`: jinja2 makes them only where they are used.
#pragma once

#include "shards/chat_template/jinja/syntax.hpp"

namespace troupe::jinja {

/// Whether `body` reads the name before it sets it, in the order of the text, blocks inside included.
bool reads_name(const statements& body, name_id name);

}  // namespace troupe::jinja
