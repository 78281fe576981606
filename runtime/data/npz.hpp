// NumPy's archives of arrays: a zip file of .npy members, stored or deflated.
#pragma once

#include "runtime/data/data_set.hpp"

#include <map>
#include <string>
#include <string_view>

namespace sibyl {

// Reads booleans, integers and floats of any width, in C or Fortran order, of either byte order. Throws UserError
// naming the file and the member.
std::map<std::string, Tensor> read_npz(const std::string& path);
std::map<std::string, Tensor> parse_npz(std::string_view bytes, const std::string& name);

// Writes real tensors as float64 and integer ones as int32 (missing values of the latter as the smallest),
// uncompressed: numbers from simulations do not compress. The file is complete or not there.
void write_npz(const std::string& path, const std::map<std::string, Tensor>& tensors);

} // namespace sibyl
