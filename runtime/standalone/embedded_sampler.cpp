#include "runtime/standalone/embedded_sampler.hpp"

#include "runtime/posterior/sampler_file.hpp"
#include "runtime/standalone/linked_model.hpp"

#include <cstdint>
#include <string_view>

extern "C" {
extern const char sibyl_embedded[];
extern const std::uint64_t sibyl_embedded_size;
}

namespace sibyl {

PosteriorSampler embedded_sampler() {
  const std::string_view bytes(sibyl_embedded, static_cast<std::size_t>(sibyl_embedded_size));
  return make_sampler(linked_model(), parse_sampler(bytes, "the sampler in this program"));
}

} // namespace sibyl
