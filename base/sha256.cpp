#include "base/sha256.hpp"

#include <openssl/evp.h>

#include "base/check.hpp"

namespace troupe {

struct sha256::state {
  state() : context(EVP_MD_CTX_new()) {
    TROUPE_CHECK(context);
    TROUPE_CHECK(EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  }
  void update(const void* data, size_t size) { TROUPE_CHECK(EVP_DigestUpdate(context.get(), data, size) == 1); }

  struct freed {
    void operator()(EVP_MD_CTX* of) const { EVP_MD_CTX_free(of); }
  };
  std::unique_ptr<EVP_MD_CTX, freed> context;
};

sha256::sha256() : state_(std::make_unique<state>()) {}
sha256::~sha256() = default;

void sha256::add(std::span<const std::byte> bytes) {
  add_number(bytes.size());
  state_->update(bytes.data(), bytes.size());
}

void sha256::add_number(uint64_t number) {
  std::array<uint8_t, 8> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(number >> (8 * i));
  state_->update(bytes.data(), bytes.size());
}

sha256_digest sha256::digest() {
  sha256_digest digest{};
  TROUPE_CHECK(EVP_DigestFinal_ex(state_->context.get(), digest.data(), nullptr) == 1);
  return digest;
}

}  // namespace troupe
