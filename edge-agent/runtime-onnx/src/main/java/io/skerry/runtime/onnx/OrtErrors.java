package io.skerry.runtime.onnx;

import io.skerry.runtime.EngineException;
import java.util.Locale;
import java.util.regex.Pattern;

/** Turns what ONNX Runtime says into one line. */
final class OrtErrors {
  private static final int CHARACTERS_MAX = 400;

  // ONNX Runtime has no code of its own for it: what its arena, the C++ library and CUDA say.
  private static final Pattern OUT_OF_MEMORY =
      Pattern.compile(
          "failed to allocate memory|bad_alloc|out of memory", Pattern.CASE_INSENSITIVE);

  private OrtErrors() {}

  /** What kind of failure, when it is no other than that memory ran out. */
  static EngineException.Reason orOutOfMemory(Throwable failure, EngineException.Reason other) {
    return OUT_OF_MEMORY.matcher(String.valueOf(failure.getMessage())).find()
        ? EngineException.Reason.OUT_OF_MEMORY
        : other;
  }

  /** Whether the engine says that an output has another shape than the memory made for it. */
  static boolean isOtherShape(Throwable failure) {
    return String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT).contains("shape");
  }

  static String oneLine(Throwable failure) {
    String message = String.valueOf(failure.getMessage()).replaceAll("\\s+", " ").strip();
    return message.length() <= CHARACTERS_MAX
        ? message
        : message.substring(0, CHARACTERS_MAX) + "...";
  }
}
