#include "runtime/data/npz.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace sibyl {

namespace {

constexpr std::uint32_t local_header_signature = 0x04034b50, directory_signature = 0x02014b50,
                        end_signature = 0x06054b50;
constexpr std::size_t local_header_size = 30, directory_entry_size = 46, end_record_size = 22;
constexpr std::uint16_t zip_version = 20;
constexpr std::uint16_t dos_date = (1 << 5) | 1; // 1 January 1980: the same content gives the same bytes

// Little-endian integers at a place of the archive.
template <typename T>
T read_number(std::string_view bytes, std::size_t at) {
  T value{};
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | static_cast<T>(static_cast<unsigned char>(bytes[at + i])) << (8 * i));
  return value;
}

template <typename T>
void append_number(std::string& bytes, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff);
}

std::string inflate_raw(std::string_view packed, std::size_t size, const std::string& what) {
  constexpr std::size_t most_expansion = 1032; // of deflate: a larger size is not true, and not worth its memory
  if (size / most_expansion > packed.size()) throw UserError(fmt::format("{}: damaged (its size is not true)", what));
  std::string result(size, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw RuntimeError("cannot start zlib");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(size);
  const int status = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  if (status != Z_STREAM_END || stream.avail_out != 0)
    throw UserError(fmt::format("{}: damaged (cannot be inflated)", what));
  return result;
}

// What stands behind 'key': in the dictionary of an .npy header.
std::string header_entry(const std::string& header, const std::string& key, const std::string& what) {
  const std::string quoted = fmt::format("'{}':", key);
  auto begin = header.find(quoted);
  if (begin == std::string::npos) throw UserError(fmt::format("{}: no `{}` in its header", what, key));
  begin = header.find_first_not_of(' ', begin + quoted.size());
  if (begin == std::string::npos) throw UserError(fmt::format("{}: its header ends after `{}`", what, key));
  const char last = header[begin] == '(' ? ')' : header[begin] == '\'' ? '\'' : ',';
  const auto end = header.find(last, begin + 1);
  return header.substr(begin, end == std::string::npos ? end : end - begin + (last == ')' ? 1 : 0));
}

template <typename T>
double from_bytes(const char* bytes, bool swap) {
  char copy[sizeof(T)];
  std::memcpy(copy, bytes, sizeof(T));
  if (swap) std::reverse(copy, copy + sizeof(T));
  T value;
  std::memcpy(&value, copy, sizeof(T));
  return static_cast<double>(value);
}

using Decoder = double (*)(const char*, bool);

Decoder find_decoder(char kind, std::size_t size) {
  if (kind == 'f') return size == 4 ? from_bytes<float> : size == 8 ? from_bytes<double> : nullptr;
  if (kind == 'b') return size == 1 ? from_bytes<std::uint8_t> : nullptr;
  if (kind == 'u') switch (size) {
    case 1: return from_bytes<std::uint8_t>;
    case 2: return from_bytes<std::uint16_t>;
    case 4: return from_bytes<std::uint32_t>;
    case 8: return from_bytes<std::uint64_t>;
    }
  if (kind == 'i') switch (size) {
    case 1: return from_bytes<std::int8_t>;
    case 2: return from_bytes<std::int16_t>;
    case 4: return from_bytes<std::int32_t>;
    case 8: return from_bytes<std::int64_t>;
    }
  return nullptr;
}

Tensor parse_npy(std::string_view bytes, const std::string& what) {
  if (bytes.size() < 12 || bytes.substr(0, 6) != "\x93NUMPY")
    throw UserError(fmt::format("{}: not a NumPy array", what));
  const bool is_long = bytes[6] >= 2;
  const std::size_t header_begin = is_long ? 12 : 10;
  const std::size_t header_size = is_long ? read_number<std::uint32_t>(bytes, 8) : read_number<std::uint16_t>(bytes, 8);
  if (header_begin + header_size > bytes.size()) throw UserError(fmt::format("{}: its header is cut off", what));
  const std::string header(bytes.substr(header_begin, header_size));

  const std::string type = header_entry(header, "descr", what); // '<f8, without the closing quote
  const bool fortran_order = header_entry(header, "fortran_order", what).rfind("True", 0) == 0;
  std::string shape = header_entry(header, "shape", what);
  Tensor tensor;
  for (char& c : shape)
    if (c < '0' || c > '9') c = ' ';
  for (std::size_t at = 0; (at = shape.find_first_not_of(' ', at)) != std::string::npos;) {
    const auto end = std::min(shape.find(' ', at), shape.size());
    std::int64_t extent = 0;
    if (std::from_chars(shape.data() + at, shape.data() + end, extent).ec != std::errc())
      throw UserError(fmt::format("{}: damaged (a size of {} elements)", what, shape.substr(at, end - at)));
    tensor.extents.push_back(extent);
    at = end;
  }

  std::size_t size = 0; // stays zero where there is no number
  if (type.size() >= 4) std::from_chars(type.data() + 3, type.data() + type.size(), size);
  const Decoder decode = size > 0 ? find_decoder(type[2], size) : nullptr;
  if (!decode) throw UserError(fmt::format("{}: arrays of type {}' are not supported", what, type));
  tensor.is_integer = type[2] != 'f';
  const auto elements = checked_element_count(tensor.extents);
  if (!elements) throw UserError(fmt::format("{}: damaged (its sizes are not true)", what));
  const auto count = static_cast<std::size_t>(*elements);
  const std::string_view data = bytes.substr(header_begin + header_size);
  if (data.size() / size < count) throw UserError(fmt::format("{}: its values are cut off", what));

  tensor.values.resize(count);
  std::vector<std::int64_t> index(tensor.extents.size(), 0);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t source = i;
    if (fortran_order) {
      source = 0;
      for (std::size_t d = index.size(); d-- > 0;)
        source = source * static_cast<std::size_t>(tensor.extents[d]) + static_cast<std::size_t>(index[d]);
      for (std::size_t d = index.size(); d-- > 0 && ++index[d] == tensor.extents[d];) index[d] = 0;
    }
    tensor.values[i] = decode(data.data() + source * size, type[1] == '>');
    // What write_npz, like the models themselves, takes for a missing integer.
    if (type[2] == 'i' && size == 4 && tensor.values[i] == std::numeric_limits<std::int32_t>::min())
      tensor.values[i] = std::numeric_limits<double>::quiet_NaN();
  }
  return tensor;
}

std::string to_npy(const Tensor& tensor) {
  std::string shape;
  for (const std::int64_t extent : tensor.extents) shape += fmt::format("{}, ", extent);
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                   tensor.is_integer ? "<i4" : "<f8", shape);
  header.append(63 - (10 + header.size()) % 64, ' '); // the values start at a multiple of 64
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  append_number(bytes, static_cast<std::uint16_t>(header.size()));
  bytes += header;
  if (!tensor.is_integer) {
    bytes.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(double));
    return bytes;
  }
  for (const double value : tensor.values)
    append_number(bytes,
                  std::isnan(value) ? std::numeric_limits<std::int32_t>::min() : static_cast<std::int32_t>(value));
  return bytes;
}

} // namespace

std::map<std::string, Tensor> parse_npz(std::string_view bytes, const std::string& name) {
  const auto damaged = [&] { return UserError(fmt::format("{}: not an .npz archive, or damaged", name)); };
  if (bytes.size() < end_record_size) throw damaged();
  std::size_t end = bytes.size() - end_record_size;
  while (end > 0 && read_number<std::uint32_t>(bytes, end) != end_signature) --end;
  if (read_number<std::uint32_t>(bytes, end) != end_signature) throw damaged();
  const auto count = read_number<std::uint16_t>(bytes, end + 10);
  std::size_t at = read_number<std::uint32_t>(bytes, end + 16);

  std::map<std::string, Tensor> result;
  std::size_t all_packed = 0; // members that share bytes would unfold to far more than the archive holds
  for (int i = 0; i < count; ++i) {
    if (at + directory_entry_size > bytes.size() || read_number<std::uint32_t>(bytes, at) != directory_signature)
      throw damaged();
    const auto method = read_number<std::uint16_t>(bytes, at + 10);
    const auto checksum = read_number<std::uint32_t>(bytes, at + 16);
    const std::size_t packed_size = read_number<std::uint32_t>(bytes, at + 20);
    const std::size_t size = read_number<std::uint32_t>(bytes, at + 24);
    const std::size_t name_size = read_number<std::uint16_t>(bytes, at + 28);
    const std::size_t header = read_number<std::uint32_t>(bytes, at + 42);
    if (at + directory_entry_size + name_size > bytes.size() || header + local_header_size > bytes.size())
      throw damaged();
    std::string member(bytes.substr(at + directory_entry_size, name_size));
    at += directory_entry_size + name_size + read_number<std::uint16_t>(bytes, at + 30) +
          read_number<std::uint16_t>(bytes, at + 32);

    const std::size_t data = header + local_header_size + read_number<std::uint16_t>(bytes, header + 26) +
                             read_number<std::uint16_t>(bytes, header + 28);
    if (data > bytes.size() || packed_size > bytes.size() - data) throw damaged();
    all_packed += packed_size;
    if (all_packed > bytes.size()) throw damaged();
    if (member.size() > 4 && member.compare(member.size() - 4, 4, ".npy") == 0) member.resize(member.size() - 4);
    const std::string what = fmt::format("{}: `{}`", name, member);
    if (method != 0 && method != 8) throw UserError(fmt::format("{}: unknown compression {}", what, method));
    const std::string_view packed = bytes.substr(data, packed_size);
    const std::string content = method == 8 ? inflate_raw(packed, size, what) : std::string(packed);
    if (crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()) != checksum)
      throw UserError(fmt::format("{}: damaged (its checksum does not match)", what));
    result[member] = parse_npy(content, what);
  }
  return result;
}

std::map<std::string, Tensor> read_npz(const std::string& path) { return parse_npz(read_file(path), path); }

void write_npz(const std::string& path, const std::map<std::string, Tensor>& tensors) {
  OutputFile file(path);
  std::string directory;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::string content = to_npy(tensor), member = name + ".npy";
    if (offset + content.size() > std::numeric_limits<std::uint32_t>::max())
      throw RuntimeError(
          fmt::format("cannot write {}: an .npz archive ends at 4 GiB; write fewer data sets to a file", path));
    std::string common; // what the local header and the directory share
    append_number(common, zip_version);
    append_number<std::uint16_t>(common, 0); // flags
    append_number<std::uint16_t>(common, 0); // method: stored
    append_number<std::uint16_t>(common, 0); // time
    append_number(common, dos_date);
    append_number(
        common, static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size())));
    append_number(common, static_cast<std::uint32_t>(content.size()));
    append_number(common, static_cast<std::uint32_t>(content.size()));
    append_number(common, static_cast<std::uint16_t>(member.size()));
    append_number<std::uint16_t>(common, 0); // extra field

    std::string header;
    append_number(header, local_header_signature);
    header += common + member;
    file.write(header);
    file.write(content);

    append_number(directory, directory_signature);
    append_number(directory, zip_version);
    directory += common;
    directory.append(10, '\0'); // comment, disk, attributes
    append_number(directory, static_cast<std::uint32_t>(offset));
    directory += member;
    offset += header.size() + content.size();
  }
  std::string end;
  append_number(end, end_signature);
  append_number<std::uint32_t>(end, 0); // disks
  append_number(end, static_cast<std::uint16_t>(tensors.size()));
  append_number(end, static_cast<std::uint16_t>(tensors.size()));
  append_number(end, static_cast<std::uint32_t>(directory.size()));
  append_number(end, static_cast<std::uint32_t>(offset));
  append_number<std::uint16_t>(end, 0); // comment
  file.write(directory + end);
  file.commit();
}

} // namespace sibyl
