// Files that are installed with Sibyl and opened only when they are needed: the training library, the netCDF writer,
// the archive that model libraries are linked with. They are found from where this code itself lies, so that an
// installation can be moved, and so that a program which embeds libsibyl.so uses the files of that library.
#pragma once

#include <string>

namespace sibyl {

// The path of the file `name`, beside the program or library that contains this code or in the folder of installed
// libraries next to it; "" where it is in none of them.
std::string find_installed_file(const std::string& name);

} // namespace sibyl
