package io.skerry.agent.trace;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where in a trace a caller stands, as its header {@code traceparent} says:
 *
 * <pre>{@code 00-<32 hex: trace>-<16 hex: the caller's span>-<2 hex: flags, the lowest: sampled>}
 * </pre>
 *
 * <p>A later version may have more after it. A header that says nothing valid is as good as none.
 *
 * @param high the first 8 bytes of the trace's id
 * @param low the last 8
 * @param state the header {@code tracestate}, handed on as it is; empty when there is none
 * @see <a href="https://www.w3.org/TR/trace-context/">W3C Trace Context</a>
 */
public record TraceParent(long high, long low, long span, boolean sampled, String state) {
  /** The header's name. */
  public static final String HEADER = "traceparent";

  /** The name of the header that goes with it. */
  public static final String STATE_HEADER = "tracestate";

  private static final int STATE_CHARACTERS_MAX = 512;
  private static final Pattern FORM =
      Pattern.compile(
          "([0-9a-f]{2})-([0-9a-f]{16})([0-9a-f]{16})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?");

  /**
   * Reads the headers.
   *
   * @return empty when there is no header, or it is not valid
   */
  public static Optional<TraceParent> read(@Nullable String header, @Nullable String state) {
    if (header == null) {
      return Optional.empty();
    }
    Matcher parts = FORM.matcher(header.strip());
    if (!parts.matches()
        || parts.group(1).equals("ff")
        || (parts.group(1).equals("00") && parts.group(6) != null)) {
      return Optional.empty();
    }
    long high = Long.parseUnsignedLong(parts.group(2), 16);
    long low = Long.parseUnsignedLong(parts.group(3), 16);
    long span = Long.parseUnsignedLong(parts.group(4), 16);
    if ((high | low) == 0 || span == 0) {
      return Optional.empty();
    }
    boolean sampled = (Integer.parseInt(parts.group(5), 16) & 1) == 1;
    String kept = state == null || state.length() > STATE_CHARACTERS_MAX ? "" : state;
    return Optional.of(new TraceParent(high, low, span, sampled, kept));
  }
}
