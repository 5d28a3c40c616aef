// The record of a run as a text: what happened, line by line, and then what became of each request and node.
#pragma once

#include <string>

#include "simulations/report/record.hpp"

namespace troupe::simulation {

/// One line an event, in order: a mark, the time in seconds, the node, the event's name, its fields. The marks are for
/// the eye and for grep: "!!" what must not be, ">>" and "<<" a fault's begin and end, "==" a phase, "! " a warning.
std::string timeline_text(const record& of);

}  // namespace troupe::simulation
