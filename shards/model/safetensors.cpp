#include "shards/model/safetensors.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstring>
#include <tuple>

#include "base/check.hpp"
#include "base/json.hpp"
#include "shards/model/config_fields.hpp"
#include "shards/model/files.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr size_t length_bytes = 8;
constexpr std::string_view metadata_key = "__metadata__";

error damaged(std::string detail) { return {errc::corrupt, std::move(detail)}; }

/// A member that is an array of whole numbers that are not negative.
result<std::vector<uint64_t>> numbers(const json::value* value, std::string_view key, const std::string& who) {
  if (!value || !value->is_array()) return damaged(who + " has no array \"" + std::string(key) + "\"");
  std::vector<uint64_t> out;
  for (const auto& element : value->get_array()) {
    auto number = json_integer(element);
    if (!number || *number < 0)
      return damaged(who + " has a \"" + std::string(key) + "\" that is not of whole numbers");
    out.push_back(static_cast<uint64_t>(*number));
  }
  return out;
}

struct placed_tensor {
  uint64_t begin = 0;
  uint64_t end = 0;
  tensor_view view;
};

result<placed_tensor> parse_entry(std::string_view name, const json::value& value, std::span<const std::byte> data) {
  const std::string who = "tensor " + shown_text(name);
  if (!value.is_object()) return damaged(who + " is not described by an object");
  const auto& entry = value.get_object();
  // A member that we do not know could change what the bytes mean.
  if (entry.size() != 3) return damaged(who + " must have exactly dtype, shape and data_offsets");

  const auto* type_text = entry.if_contains("dtype");
  if (!type_text || !type_text->is_string()) return damaged(who + " has no string \"dtype\"");
  auto type = parse_dtype(std::string_view(type_text->get_string()));
  if (!type) {
    return damaged(who + " has the unknown dtype " + shown_text(type_text->get_string()));
  }
  TROUPE_ASSIGN(auto shape, numbers(entry.if_contains("shape"), "shape", who));
  TROUPE_ASSIGN(auto offsets, numbers(entry.if_contains("data_offsets"), "data_offsets", who));
  if (shape.size() > safetensors_dimensions_max) {
    return damaged(who + " has " + std::to_string(shape.size()) + " dimensions, at most " +
                   std::to_string(safetensors_dimensions_max) + " are accepted");
  }
  if (offsets.size() != 2) return damaged(who + " must have two data_offsets");
  uint64_t begin = offsets[0], end = offsets[1];
  if (begin > end || end > data.size()) {
    return damaged(who + " has data_offsets " + shape_text(offsets) + ", but the file has " +
                   std::to_string(data.size()) + " bytes of data");
  }
  uint64_t bytes = size_of(*type);
  for (uint64_t size : shape) {
    if (__builtin_mul_overflow(bytes, size, &bytes)) {
      return damaged(who + " has shape " + shape_text(shape) + ", which is too large");
    }
  }
  if (bytes != end - begin) {
    return damaged(who + " has shape " + shape_text(shape) + " of " + std::string(troupe::name(*type)) + ", that is " +
                   std::to_string(bytes) + " bytes, but data_offsets of " + std::to_string(end - begin));
  }
  return placed_tensor{begin, end, {std::string(name), *type, std::move(shape), data.subspan(begin, bytes)}};
}

result<void> check_metadata(const json::value& metadata) {
  if (!metadata.is_object()) return damaged("__metadata__ is not an object");
  for (const auto& member : metadata.get_object()) {
    if (!member.value().is_string()) return damaged("__metadata__ holds something that is not a string");
  }
  return {};
}

/// The format demands that the tensors fill the data from its first to its last byte.
result<void> check_no_gap(const std::vector<placed_tensor>& tensors, uint64_t data_bytes) {
  uint64_t at = 0;
  for (const auto& tensor : tensors) {
    if (tensor.begin != at) {
      return damaged("tensor " + shown_text(tensor.view.name) + " begins at " + std::to_string(tensor.begin) +
                     " of the data, but the one before it ends at " + std::to_string(at) +
                     (tensor.begin < at ? ": they overlap" : ": there is a hole"));
    }
    at = tensor.end;
  }
  if (at != data_bytes) {
    return damaged("the tensors end at " + std::to_string(at) + " of the data, but the file has " +
                   std::to_string(data_bytes) + " bytes of it");
  }
  return {};
}

}  // namespace

uint64_t safetensors_header_bytes(std::span<const std::byte> file) {
  if (file.size() < length_bytes) return 0;
  uint64_t length = 0;
  std::memcpy(&length, file.data(), length_bytes);
  if (length > file.size() - length_bytes) return 0;
  return length_bytes + length;
}

result<std::vector<tensor_view>> parse_safetensors(std::span<const std::byte> file) {
  if (file.size() < length_bytes) {
    return damaged("the file has " + std::to_string(file.size()) + " bytes, too few for a safetensors header");
  }
  uint64_t length = 0;
  std::memcpy(&length, file.data(), length_bytes);
  if (length > safetensors_header_bytes_max) {
    return damaged("the header has " + std::to_string(length) + " bytes, at most " +
                   std::to_string(safetensors_header_bytes_max) + " are accepted (is this a safetensors file?)");
  }
  if (length > file.size() - length_bytes) {
    return damaged("the header has " + std::to_string(length) + " bytes, but the file ends after " +
                   std::to_string(file.size() - length_bytes) + " of them: it is truncated");
  }
  std::string_view text(reinterpret_cast<const char*>(file.data()) + length_bytes, length);
  if (!text.starts_with('{')) return damaged("the header is not a JSON object");
  auto header = parse_json(text, {.bytes_max = safetensors_header_bytes_max, .depth_max = 4});
  if (!header) return damaged("the header: " + header.err().message());
  auto data = file.subspan(length_bytes + length);

  const auto& entries = header->get_object();
  if (entries.size() > safetensors_tensors_max) {
    return damaged("the header names " + std::to_string(entries.size()) + " tensors, at most " +
                   std::to_string(safetensors_tensors_max) + " are accepted");
  }
  std::vector<placed_tensor> tensors;
  tensors.reserve(entries.size());
  for (const auto& member : entries) {
    if (std::string_view(member.key()) == metadata_key) {
      TROUPE_TRY(check_metadata(member.value()));
      continue;
    }
    TROUPE_ASSIGN(auto tensor, parse_entry(member.key(), member.value(), data));
    tensors.push_back(std::move(tensor));
  }
  // Empty tensors share their offset with the one after them; names make the order of equals certain.
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end, a.view.name) < std::tie(b.begin, b.end, b.view.name);
  });
  TROUPE_TRY(check_no_gap(tensors, data.size()));

  std::vector<tensor_view> views;
  views.reserve(tensors.size());
  for (auto& tensor : tensors) views.push_back(std::move(tensor.view));
  return views;
}

result<void> write_safetensors(const std::string& path, std::span<const tensor_view> tensors) {
  json::object header;
  header[metadata_key] = json::object{{"format", "pt"}};
  std::vector<std::span<const std::byte>> pieces(2);
  uint64_t at = 0;
  for (const auto& tensor : tensors) {
    uint64_t bytes = size_of(tensor.type);
    json::array shape;
    for (uint64_t size : tensor.shape) {
      TROUPE_CHECK(!__builtin_mul_overflow(bytes, size, &bytes));
      shape.push_back(size);
    }
    TROUPE_CHECK(bytes == tensor.data.size());
    TROUPE_CHECK(!header.contains(tensor.name));
    header[tensor.name] = json::object{
        {"dtype", name(tensor.type)}, {"shape", std::move(shape)}, {"data_offsets", json::array{at, at + bytes}}};
    at += bytes;
    pieces.push_back(tensor.data);
  }
  std::string text = json::serialize(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  uint64_t length = text.size();
  pieces[0] = std::as_bytes(std::span(&length, 1));
  pieces[1] = std::as_bytes(std::span(text));
  return write_file(path, pieces);
}

}  // namespace troupe
