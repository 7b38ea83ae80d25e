package io.skerry.profile;

/**
 * Whether a profile fits a machine.
 *
 * @param reason what the machine lacks; empty when it matches
 */
public record ProfileMatch(boolean matches, String reason) {
  static final ProfileMatch YES = new ProfileMatch(true, "");

  static ProfileMatch no(String reason) {
    return new ProfileMatch(false, reason);
  }
}
