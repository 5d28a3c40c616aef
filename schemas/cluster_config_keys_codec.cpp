// docs/configuration.md, from the schema.
#include <algorithm>
#include <string>
#include <vector>

#include "schemas/cluster_config_codec.hpp"
#include "schemas/config_schema_codec.hpp"

namespace troupe {
namespace {

using capnp::schema::Type;

std::string code(const std::string& text) { return "`" + text + "`"; }

std::string default_of(capnp::StructSchema::Field field, const key_rules& rules) {
  if (rules.required) return "required";
  auto value = field.getProto().getSlot().getDefaultValue();
  switch (field.getType().which()) {
    case Type::TEXT: return code(value.getText().cStr());
    case Type::UINT16: return code(std::to_string(value.getUint16()));
    case Type::UINT32: return code(std::to_string(value.getUint32()));
    case Type::BOOL: return code(value.getBool() ? "true" : "false");
    case Type::ENUM: return code(enumerant_name(field.getType().asEnum(), value.getEnum()));
    default: return "none";
  }
}

std::string range_of(capnp::StructSchema::Field field, const key_rules& rules) {
  std::string bounds = std::to_string(rules.least) + " to " + std::to_string(rules.most);
  switch (field.getType().which()) {
    case Type::TEXT: return rules.form == wire::Form::ANYTHING ? bounds + " bytes" : describe_form(rules.form);
    case Type::BOOL: return "`true`, `false`";
    case Type::ENUM: {
      std::string names;
      for (auto value : field.getType().asEnum().getEnumerants()) {
        names += (names.empty() ? "" : ", ") + code(value.getProto().getName().cStr());
      }
      return names;
    }
    case Type::LIST:
      return bounds + " entries" + (rules.form == wire::Form::ANYTHING ? "" : ": " + describe_form(rules.form));
    default: return bounds;
  }
}

bool holds_structs(capnp::Type type) {
  return type.isStruct() || (type.isList() && type.asList().getElementType().isStruct());
}

// As the schema's text has them: a key that was added later stands beside those that it belongs to.
std::vector<capnp::StructSchema::Field> in_order(capnp::StructSchema schema) {
  std::vector<capnp::StructSchema::Field> fields;
  for (auto field : schema.getFields()) fields.push_back(field);
  std::sort(fields.begin(), fields.end(),
            [](const auto& a, const auto& b) { return a.getProto().getCodeOrder() < b.getProto().getCodeOrder(); });
  return fields;
}

// A table of the struct's own keys, then a section for each struct in it.
void describe(capnp::StructSchema schema, const std::string& path, const std::string& meaning, std::string& out) {
  out += "\n## " + (path.empty() ? "The file" : code(path)) + "\n\n" + meaning + "\n\n";
  out += "| key | default | unit | range | meaning |\n|---|---|---|---|---|\n";
  for (const auto& field : in_order(schema)) {
    key_rules rules = rules_of(field);
    std::string name = field.getProto().getName().cStr();
    std::string range = field.getType().isStruct() ? "" : range_of(field, rules);
    std::string otherwise = field.getType().isStruct() ? "see below" : default_of(field, rules);
    out += "| " + code(name) + " | " + otherwise + " | " + rules.unit + " | " + range + " | " + rules.meaning + " |\n";
  }
  for (const auto& field : in_order(schema)) {
    capnp::Type type = field.getType();
    if (!holds_structs(type)) continue;
    std::string name = field.getProto().getName().cStr();
    std::string inner = (path.empty() ? "" : path + ".") + name + (type.isList() ? "[]" : "");
    describe(type.isList() ? type.asList().getStructElementType() : type.asStruct(), inner, rules_of(field).meaning,
             out);
  }
}

}  // namespace

std::string describe_cluster_config() {
  std::string out =
      "# Configuration\n\n"
      "Made by `troupe config keys` from `schemas/cluster_config.capnp`; change it there. A file is YAML of mappings,\n"
      "lists and scalars (no aliases, anchors or tags). `troupe config check FILE` says whether a file is valid; an\n"
      "unknown key, a value out of its range or a name that refers to nothing refuses it with file, line and column.\n"
      "Examples are in `cluster-config/`.\n";
  describe(capnp::Schema::from<wire::ClusterConfig>(), "", "The outermost keys.", out);
  return out;
}

}  // namespace troupe
