#include "schemas/config_schema_codec.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "base/utf8.hpp"
#include "schemas/closest_name.hpp"

namespace troupe {
namespace {

// As in cluster_config.capnp.
constexpr uint64_t unit_id = 0xb8282ebf05cd2097;
constexpr uint64_t least_id = 0xd77316cc793b1f0e;
constexpr uint64_t most_id = 0x808d71d20b60d315;
constexpr uint64_t required_id = 0xa0602884e578796d;
constexpr uint64_t form_id = 0xab83af764a82866d;
constexpr uint64_t meaning_id = 0x8fd969414a817323;

error wrong(const yaml_node& node, const std::string& path, const std::string& rule) {
  return {errc::invalid_argument, std::to_string(node.at.line) + ":" + std::to_string(node.at.column) + ": " +
                                      (path.empty() ? "" : path + ": ") + rule};
}

std::string found(const yaml_node& node) {
  return node.is == yaml_node::kind::scalar ? in_quotes(node.text) : std::string(name(node.is));
}

uint64_t most_of(capnp::Type type) {
  switch (type.which()) {
    case capnp::schema::Type::UINT16: return std::numeric_limits<uint16_t>::max();
    case capnp::schema::Type::UINT32: return std::numeric_limits<uint32_t>::max();
    default: return std::numeric_limits<uint64_t>::max();
  }
}

// Upper bounds of the lengths are part of a form, so that a key need not repeat them.
struct form_rule {
  size_t bytes_max;
  const char* description;
  bool (*allows)(char);
  /// May not stand first.
  std::string_view not_first;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

form_rule rule_of(wire::Form form) {
  switch (form) {
    case wire::Form::NAME:
      return {63, "a-z, 0-9 and - (not first), 1 to 63 of them",
              [](char c) { return is_lower(c) || is_digit(c) || c == '-'; }, "-"};
    case wire::Form::MODEL_NAME:
      return {128, "A-Z, a-z, 0-9 and ._-/:, 1 to 128 of them",
              [](char c) {
                return is_lower(c) || is_upper(c) || is_digit(c) ||
                       std::string_view("._-/:").find(c) != std::string::npos;
              },
              ""};
    case wire::Form::ADDRESS:
      return {253, "an IP address or a host name",
              [](char c) {
                return is_lower(c) || is_upper(c) || is_digit(c) ||
                       std::string_view(".-:%").find(c) != std::string::npos;
              },
              ""};
    case wire::Form::ANYTHING: break;
  }
  return {0, "", nullptr, ""};
}

result<void> check_text(const yaml_node& node, const key_rules& rules, const std::string& path) {
  if (node.is == yaml_node::kind::null) return wrong(node, path, "has no value");
  if (node.is != yaml_node::kind::scalar) return wrong(node, path, "must be a text, not " + found(node));
  const std::string& text = node.text;
  // YAML's escapes can write what the file itself may not hold.
  bool printable = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
  if (!printable || !is_utf8(text)) return wrong(node, path, "has characters that cannot be printed");
  if (rules.form == wire::Form::ANYTHING) {
    if (text.size() >= rules.least && text.size() <= rules.most) return {};
    if (text.empty()) return wrong(node, path, "must not be empty");
    return wrong(node, path,
                 "must have " + std::to_string(rules.least) + " to " + std::to_string(rules.most) + " bytes, not " +
                     std::to_string(text.size()));
  }
  form_rule form = rule_of(rules.form);
  bool allowed = !text.empty() && text.size() <= form.bytes_max && std::all_of(text.begin(), text.end(), form.allows);
  if (allowed && form.not_first.find(text.front()) == std::string_view::npos) return {};
  return wrong(node, path, std::string("must be ") + form.description + ", not " + in_quotes(text));
}

result<uint64_t> whole_number(const yaml_node& node, const key_rules& rules, const std::string& path) {
  uint64_t value = 0;
  const char* end = node.text.data() + node.text.size();
  auto [stop, ec] = std::from_chars(node.text.data(), end, value);
  bool number = node.is == yaml_node::kind::scalar && node.plain && ec == std::errc{} && stop == end;
  if (number && value >= rules.least && value <= rules.most) return value;
  return wrong(node, path,
               "must be a whole number from " + std::to_string(rules.least) + " to " + std::to_string(rules.most) +
                   ", not " + (number ? std::to_string(value) : found(node)));
}

result<bool> truth(const yaml_node& node, const std::string& path) {
  bool plain = node.is == yaml_node::kind::scalar && node.plain;
  if (plain && (node.text == "true" || node.text == "false")) return node.text == "true";
  return wrong(node, path, "must be true or false, not " + found(node));
}

result<uint16_t> enumerant(const yaml_node& node, capnp::EnumSchema schema, const std::string& path) {
  std::string names;
  for (auto value : schema.getEnumerants()) {
    std::string name = value.getProto().getName().cStr();
    if (node.is == yaml_node::kind::scalar && node.text == name) return value.getOrdinal();
    names += (names.empty() ? "" : ", ") + name;
  }
  return wrong(node, path, "must be one of " + names + ", not " + found(node));
}

result<void> decode_list(const yaml_node& node, capnp::StructSchema::Field field, capnp::DynamicStruct::Builder out,
                         const key_rules& rules, const std::string& path) {
  if (node.is != yaml_node::kind::sequence) return wrong(node, path, "must be a list, not " + found(node));
  size_t size = node.items.size();
  if (size < rules.least || size > rules.most) {
    return wrong(node, path,
                 "must have " + std::to_string(rules.least) + " to " + std::to_string(rules.most) + " entries, not " +
                     std::to_string(size));
  }
  auto list = out.init(field, static_cast<uint32_t>(size)).as<capnp::DynamicList>();
  bool of_texts = list.getSchema().getElementType().isText();
  for (uint32_t i = 0; i < list.size(); ++i) {
    const yaml_node& item = node.items[i];
    std::string item_path = path + "[" + std::to_string(i) + "]";
    if (of_texts) {
      TROUPE_TRY(check_text(item, rules, item_path));
      list.set(i, capnp::Text::Reader(item.text.c_str(), item.text.size()));
    } else {
      TROUPE_TRY(decode_mapping(item, list[i].as<capnp::DynamicStruct>(), item_path));
    }
  }
  return {};
}

result<void> decode_field(const yaml_node& node, capnp::StructSchema::Field field, capnp::DynamicStruct::Builder out,
                          const std::string& path) {
  key_rules rules = rules_of(field);
  switch (field.getType().which()) {
    case capnp::schema::Type::TEXT:
      TROUPE_TRY(check_text(node, rules, path));
      out.set(field, capnp::Text::Reader(node.text.c_str(), node.text.size()));
      return {};
    case capnp::schema::Type::UINT16:
    case capnp::schema::Type::UINT32: {
      TROUPE_ASSIGN(uint64_t value, whole_number(node, rules, path));
      out.set(field, value);
      return {};
    }
    case capnp::schema::Type::BOOL: {
      TROUPE_ASSIGN(bool value, truth(node, path));
      out.set(field, value);
      return {};
    }
    case capnp::schema::Type::ENUM: {
      capnp::EnumSchema schema = field.getType().asEnum();
      TROUPE_ASSIGN(uint16_t value, enumerant(node, schema, path));
      out.set(field, capnp::DynamicEnum(schema, value));
      return {};
    }
    case capnp::schema::Type::LIST: return decode_list(node, field, out, rules, path);
    case capnp::schema::Type::STRUCT: return decode_mapping(node, out.init(field).as<capnp::DynamicStruct>(), path);
    default: TROUPE_CHECK(!"no key has such a type yet");
  }
  return {};
}

std::string unknown_key(const std::string& key, capnp::StructSchema schema) {
  std::vector<std::string> known;
  for (auto field : schema.getFields()) known.emplace_back(field.getProto().getName().cStr());
  if (auto near = closest_name(key, known)) return "unknown key; did you mean " + *near + "?";
  std::string list;
  for (const auto& name : known) list += (list.empty() ? "" : ", ") + name;
  return "unknown key; there are " + list;
}

// A key as part of a path: as it is where that reads well, else in quotes.
std::string as_path(const std::string& key) {
  bool plain = !key.empty() && key.size() <= 64 && std::all_of(key.begin(), key.end(), [](char c) {
    return is_lower(c) || is_upper(c) || is_digit(c) || c == '_' || c == '-';
  });
  return plain ? key : in_quotes(key);
}

}  // namespace

key_rules rules_of(capnp::StructSchema::Field field) {
  key_rules rules;
  rules.most = most_of(field.getType());
  for (auto annotation : field.getProto().getAnnotations()) {
    auto value = annotation.getValue();
    switch (annotation.getId()) {
      case unit_id: rules.unit = value.getText().cStr(); break;
      case meaning_id: rules.meaning = value.getText().cStr(); break;
      case least_id: rules.least = value.getUint64(); break;
      case most_id: rules.most = value.getUint64(); break;
      case required_id: rules.required = true; break;
      case form_id: rules.form = static_cast<wire::Form>(value.getEnum()); break;
      default: break;
    }
  }
  return rules;
}

std::string enumerant_name(capnp::EnumSchema schema, uint16_t value) {
  auto enumerants = schema.getEnumerants();
  TROUPE_CHECK(value < enumerants.size());
  return enumerants[value].getProto().getName().cStr();
}

std::string describe_form(wire::Form form) { return rule_of(form).description; }

result<void> decode_mapping(const yaml_node& node, capnp::DynamicStruct::Builder out, const std::string& path) {
  if (node.is != yaml_node::kind::mapping) return wrong(node, path, "must be a mapping of keys, not " + found(node));
  capnp::StructSchema schema = out.getSchema();
  std::string prefix = path.empty() ? "" : path + ".";
  for (size_t i = 0; i < node.keys.size(); ++i) {
    const yaml_node& key = node.keys[i];
    std::string key_path = prefix + as_path(key.text);
    // Cap'n Proto's own lookup takes a C string.
    bool whole = key.text.find('\0') == std::string::npos;
    KJ_IF_MAYBE (field, schema.findFieldByName(whole ? key.text.c_str() : "")) {
      TROUPE_TRY(decode_field(node.items[i], *field, out, key_path));
    } else {
      return wrong(key, key_path, unknown_key(key.text, schema));
    }
  }
  for (auto field : schema.getFields()) {
    if (!rules_of(field).required) continue;
    std::string name = field.getProto().getName().cStr();
    bool there = std::any_of(node.keys.begin(), node.keys.end(), [&](const auto& key) { return key.text == name; });
    if (!there) return wrong(node, prefix + name, "is required");
  }
  return {};
}

}  // namespace troupe
