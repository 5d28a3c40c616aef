#include "gateway/api/text_inputs.hpp"

#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr std::string_view must_be =
    "a string, an array of strings, an array of token ids, or an array of arrays of token ids";

api_result<text_input> parse_ids(const json::array& array, const served_model& model, std::string path) {
  if (array.empty()) return invalid_value(std::move(path), "an array of at least one token id");
  text_input out;
  out.ids.reserve(array.size());
  for (size_t i = 0; i < array.size(); ++i) {
    auto id = json_integer(array[i]);
    if (!id || *id < 0 || *id >= int64_t{model.vocab_size}) {
      return invalid_value(path + "[" + std::to_string(i) + "]",
                           "a token id from 0 to " + std::to_string(model.vocab_size - 1));
    }
    out.ids.push_back(static_cast<token_id>(*id));
  }
  out.path = std::move(path);
  return out;
}

text_input text_of(const json::string& text, std::string path) {
  return {.text = std::string(text), .is_text = true, .path = std::move(path)};
}

}  // namespace

api_result<std::vector<text_input>> parse_text_inputs(const field_reader& in, std::string_view key,
                                                      const served_model& model, const inputs_bound& most) {
  const std::string path = in.path_of(key);
  const auto* value = in.find(key);
  std::vector<text_input> out;
  if (value && value->is_string()) {
    out.push_back(text_of(value->get_string(), path));
    return out;
  }
  if (!value || !value->is_array() || value->get_array().empty()) return invalid_value(path, must_be);
  const auto& array = value->get_array();
  if (array[0].is_number()) {
    TROUPE_ASSIGN(auto ids, parse_ids(array, model, path));
    out.push_back(std::move(ids));
    return out;
  }
  if (array.size() > most.inputs_max) {
    return invalid_value(path, "at most " + std::to_string(most.inputs_max) + " " + std::string(most.words));
  }
  out.reserve(array.size());
  for (size_t i = 0; i < array.size(); ++i) {
    if (array[i].kind() != array[0].kind()) return invalid_value(path, must_be);
    std::string path_of_one = path + "[" + std::to_string(i) + "]";
    if (array[i].is_string()) {
      out.push_back(text_of(array[i].get_string(), std::move(path_of_one)));
    } else if (array[i].is_array()) {
      TROUPE_ASSIGN(auto ids, parse_ids(array[i].get_array(), model, std::move(path_of_one)));
      out.push_back(std::move(ids));
    } else {
      return invalid_value(path, must_be);
    }
  }
  return out;
}

api_result<std::vector<token_id>> tokens_of(const text_input& from, const served_model& model, bool add_special) {
  if (!from.is_text) return from.ids;
  auto ids = model.tokens->encode(from.text, add_special);
  if (!ids) return api_error(std::move(ids).err(), from.path);
  for (token_id id : *ids) {
    // The tokenizer may know more words than the model.
    if (id >= model.vocab_size) return invalid_value(from.path, "without words that the model has no embedding for");
  }
  return std::move(*ids);
}

}  // namespace troupe
