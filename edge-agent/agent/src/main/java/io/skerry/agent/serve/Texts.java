package io.skerry.agent.serve;

/** Makes a client's text fit for a message or a log. */
public final class Texts {
  private static final int CHARACTERS_MAX = 80;

  private Texts() {}

  public static String shortened(String text) {
    String begin =
        text.length() <= CHARACTERS_MAX ? text : text.substring(0, CHARACTERS_MAX) + "...";
    return begin.replaceAll("\\p{Cntrl}", "?");
  }
}
