package io.skerry.runtime.onnx;

/** Turns what ONNX Runtime says into one line. */
final class OrtErrors {
  private static final int CHARACTERS_MAX = 400;

  private OrtErrors() {}

  static String oneLine(Throwable failure) {
    String message = String.valueOf(failure.getMessage()).replaceAll("\\s+", " ").strip();
    return message.length() <= CHARACTERS_MAX
        ? message
        : message.substring(0, CHARACTERS_MAX) + "...";
  }
}
