// YAML walked against a Cap'n Proto struct whose fields carry the annotations of cluster_config.capnp. Only codecs
// include this.
#pragma once

#include <capnp/dynamic.h>
#include <capnp/schema.h>

#include <optional>
#include <string>

#include "base/result.hpp"
#include "schemas/cluster_config.capnp.h"
#include "schemas/yaml_tree.hpp"

namespace troupe {

/// What the annotations of one field say.
struct key_rules {
  std::string unit;
  std::string meaning;
  uint64_t least = 0;
  uint64_t most = 0;
  bool required = false;
  wire::Form form = wire::Form::ANYTHING;
};

/// The bounds are those of the field's type where the schema says none.
key_rules rules_of(capnp::StructSchema::Field field);

/// The name of a value, as the schema spells it.
std::string enumerant_name(capnp::EnumSchema schema, uint16_t value);

/// "a-z, 0-9 and - (not first), 1 to 63 of them"; empty for anything.
std::string describe_form(wire::Form form);

/// Fills `out` from a mapping. `path` is the mapping's own: "" for the outermost one, else "hosts[0]".
/// The error (invalid_argument) is "line:column: key: rule". May throw kj::Exception for want of memory.
result<void> decode_mapping(const yaml_node& node, capnp::DynamicStruct::Builder out, const std::string& path);

}  // namespace troupe
