package io.skerry.control.device;

import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.util.Map;
import java.util.regex.Pattern;

/** What labels may look like. */
final class Labels {
  static final int COUNT_MAX = 64;
  private static final Pattern PART =
      Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._/-]{0,62}[A-Za-z0-9])?");

  private Labels() {}

  static void check(Map<String, String> labels) {
    if (labels.size() > COUNT_MAX) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "%d labels are too many: at most %d".formatted(labels.size(), COUNT_MAX));
    }
    labels.forEach(
        (name, value) -> {
          if (!PART.matcher(name).matches() || !PART.matcher(value).matches()) {
            throw new ProblemException(
                ErrorCode.REQUEST_INVALID,
                "label '%s=%s': name and value are 1 to 64 letters, digits, '.', '_', '/', '-'"
                    .formatted(name, value));
          }
        });
  }
}
