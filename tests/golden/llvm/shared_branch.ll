; ModuleID = 'sibyl'
source_filename = "sibyl"
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-pc-linux-gnu"

; Function Attrs: mustprogress nofree norecurse nosync nounwind willreturn memory(readwrite, inaccessiblemem: none)
define noundef i32 @sibyl_log_density_f32_x8(ptr nocapture %call) local_unnamed_addr #0 {
entry:
  %0 = getelementptr i8, ptr %call, i64 8
  %1 = load ptr, ptr %0, align 8
  %2 = getelementptr i8, ptr %call, i64 96
  %3 = load ptr, ptr %2, align 8
  store <8 x i32> <i32 -1, i32 -1, i32 -1, i32 -1, i32 -1, i32 -1, i32 -1, i32 -1>, ptr %3, align 4
  %4 = getelementptr i8, ptr %call, i64 64
  %5 = load ptr, ptr %4, align 8
  %6 = getelementptr i8, ptr %call, i64 60
  %7 = getelementptr i8, ptr %call, i64 80
  %8 = load ptr, ptr %7, align 8
  %9 = load <8 x float>, ptr %5, align 4
  %10 = load i32, ptr %6, align 4
  %.not = icmp eq i32 %10, 0
  %11 = fmul <8 x float> %9, <float 2.000000e+00, float 2.000000e+00, float 2.000000e+00, float 2.000000e+00, float 2.000000e+00, float 2.000000e+00, float 2.000000e+00, float 2.000000e+00>
  %12 = fneg <8 x float> %9
  %result.0 = select i1 %.not, <8 x float> %12, <8 x float> %11
  store <8 x float> %result.0, ptr %8, align 4
  store ptr %1, ptr %0, align 8
  ret i32 0
}

attributes #0 = { mustprogress nofree norecurse nosync nounwind willreturn memory(readwrite, inaccessiblemem: none) "min-legal-vector-width"="256" "prefer-vector-width"="256" }

!llvm.module.flags = !{!0}

!0 = !{i32 8, !"PIC Level", i32 2}
