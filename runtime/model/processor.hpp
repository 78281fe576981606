// What this machine's vector registers hold, for code that was compiled for several processors ahead of time.
#pragma once

namespace sibyl {

// 512, 256 (with fused multiply-add) or 128 bits.
inline int processor_vector_bits() {
#if defined(__x86_64__)
  const bool has_256 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_512 = has_256 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  return has_512 ? 512 : has_256 ? 256 : 128;
#else
  return 128;
#endif
}

} // namespace sibyl
