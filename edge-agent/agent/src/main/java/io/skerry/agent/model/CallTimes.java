package io.skerry.agent.model;

/**
 * When a call came and when its work started, as of {@link System#nanoTime}.
 *
 * @param received when the whole request was in
 * @param started when its tensors began to be read
 */
public record CallTimes(long received, long started) {
  /** A call whose work starts as it comes. */
  public static CallTimes now() {
    long now = System.nanoTime();
    return new CallTimes(now, now);
  }
}
