#include "shards/tokenizer/post_processor.hpp"

#include "shards/tokenizer/component.hpp"
#include "shards/tokenizer/vocabulary.hpp"

namespace troupe {
namespace {

using token_check = std::function<bool(token_id)>;

// More would be no template but a prompt.
constexpr size_t template_tokens_max = 256;

result<token_id> checked_id(const boost::json::value& value, const std::string& path, const token_check& is_token) {
  auto id = json_integer(value);
  if (!id || *id < 0 || *id >= token_ids_max || !is_token(static_cast<token_id>(*id))) {
    return {errc::corrupt, path + " must be the id of a token"};
  }
  return static_cast<token_id>(*id);
}

// The ids that "special_tokens" gives for one name.
result<std::vector<token_id>> special_ids(const boost::json::object* table, const std::string& name,
                                          const std::string& path, const token_check& is_token) {
  const auto* entry = table ? table->if_contains(name) : nullptr;
  if (!entry || !entry->is_object()) return {errc::corrupt, path + " lacks \"" + name + "\""};
  TROUPE_ASSIGN(const boost::json::array* list, json_reader(entry->get_object(), path).array("ids"));
  if (!list) return {errc::corrupt, path + ": \"" + name + "\" has no ids"};
  std::vector<token_id> ids;
  for (const auto& value : *list) {
    TROUPE_ASSIGN(token_id id, checked_id(value, path + ": \"" + name + "\"", is_token));
    ids.push_back(id);
  }
  return ids;
}

// "single": a list of {"SpecialToken": {"id": name}} around one {"Sequence": {"id": "A"}}.
result<post_processor> read_template(const component& c, const token_check& is_token) {
  TROUPE_TRY(c.allow_only({"single", "pair", "special_tokens"}));
  TROUPE_ASSIGN(const boost::json::array* single, c.reader().array("single"));
  TROUPE_ASSIGN(const boost::json::object* table, c.reader().object("special_tokens"));
  if (!single) return {errc::corrupt, c.reader().path_of("single") + " is missing"};
  post_processor p;
  bool text_seen = false;
  for (size_t i = 0; i < single->size(); ++i) {
    std::string path = c.reader().path_of("single") + "[" + std::to_string(i) + "]";
    const auto& item = (*single)[i];
    if (!item.is_object() || item.get_object().size() != 1)
      return {errc::corrupt, path + " must be an object with one member"};
    json_reader reader(item.get_object(), path);
    TROUPE_ASSIGN(const boost::json::object* special, reader.object("SpecialToken"));
    TROUPE_ASSIGN(const boost::json::object* sequence, reader.object("Sequence"));
    if (special) {
      TROUPE_ASSIGN(std::string name, required_string(json_reader(*special, path), "id"));
      TROUPE_ASSIGN(auto ids, special_ids(table, name, c.reader().path_of("special_tokens"), is_token));
      auto& side = text_seen ? p.after : p.before;
      side.insert(side.end(), ids.begin(), ids.end());
    } else if (sequence) {
      TROUPE_ASSIGN(std::string name, required_string(json_reader(*sequence, path), "id"));
      if (name != "A" || text_seen)
        return {errc::not_supported, path + ": a template for one text must have it, A, once"};
      text_seen = true;
    } else {
      return {errc::not_supported, path + " is neither a SpecialToken nor a Sequence"};
    }
    if (p.before.size() + p.after.size() > template_tokens_max) {
      return {errc::not_supported,
              path + ": a template of more than " + std::to_string(template_tokens_max) + " tokens"};
    }
  }
  if (!text_seen) return {errc::not_supported, c.reader().path_of("single") + " has no place for the text"};
  return p;
}

// "cls": [text, id] before and "sep": [text, id] after.
result<post_processor> read_bert(const component& c, const token_check& is_token) {
  TROUPE_TRY(c.allow_only({"sep", "cls", "trim_offsets", "add_prefix_space"}));
  post_processor p;
  for (std::string_view key : {"cls", "sep"}) {
    TROUPE_ASSIGN(const boost::json::array* pair, c.reader().array(key));
    if (!pair || pair->size() != 2) return {errc::corrupt, c.reader().path_of(key) + " must be [token, id]"};
    TROUPE_ASSIGN(token_id id, checked_id((*pair)[1], c.reader().path_of(key), is_token));
    (key == "cls" ? p.before : p.after).push_back(id);
  }
  return p;
}

result<post_processor> read_one(const component& c, const token_check& is_token) {
  if (c.type == "TemplateProcessing") return read_template(c, is_token);
  if (c.type == "BertProcessing" || c.type == "RobertaProcessing") return read_bert(c, is_token);
  if (c.type == "ByteLevel") {
    // It only corrects positions in the text, which nothing here reports.
    TROUPE_TRY(c.allow_only({"add_prefix_space", "trim_offsets", "use_regex"}));
    return post_processor{};
  }
  return c.unknown_type("post_processor");
}

}  // namespace

result<post_processor> post_processor::parse(const boost::json::value& value, const token_check& is_token) {
  post_processor all;
  TROUPE_TRY(for_each_component(value, "post_processor", "processors", [&](const component& c) -> result<void> {
    TROUPE_ASSIGN(post_processor p, read_one(c, is_token));
    // Each wraps what the ones before it made.
    all.before.insert(all.before.begin(), p.before.begin(), p.before.end());
    all.after.insert(all.after.end(), p.after.begin(), p.after.end());
    return {};
  }));
  return all;
}

}  // namespace troupe
