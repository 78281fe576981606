// A sampler's report as one HTML page that needs nothing beside it: no scripts, no network, plots as SVG, readable in
// light and dark. What a reader of a paper wants to know: what was trained, on what, how good it is, and for which data
// it must not be used.
#pragma once

#include "runtime/criticism/diagnose.hpp"
#include "runtime/posterior/sampler_file.hpp"

#include <string>

namespace sibyl {

std::string report_page(const Diagnosis& diagnosis, const SamplerFile& file);

} // namespace sibyl
