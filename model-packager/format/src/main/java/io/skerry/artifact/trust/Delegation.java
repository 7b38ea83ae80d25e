package io.skerry.artifact.trust;

import io.skerry.artifact.sign.VerificationKey;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ProfileId;
import java.util.Set;

/**
 * What an automation key may release without a person.
 *
 * @param models names, or {@link #ANY} as a whole, 1 to {@link #NAMES_MAX}
 * @param profiles ids of hardware profiles, or {@link #ANY} as a whole, 1 to {@link #NAMES_MAX}
 */
public record Delegation(VerificationKey key, Set<String> models, Set<String> profiles) {
  /** Stands for every name. It is never a part of a pattern. */
  public static final String ANY = "*";

  /** Names that a delegation can list. */
  public static final int NAMES_MAX = 1024;

  /**
   * Checks the names.
   *
   * @throws IllegalArgumentException if there are none, too many, or one that no model or profile
   *     can have
   */
  public Delegation {
    models = checked("models", models);
    profiles = checked("profiles", profiles);
    models.stream().filter(name -> !name.equals(ANY)).forEach(ModelName::new);
    profiles.stream().filter(name -> !name.equals(ANY)).forEach(ProfileId::new);
  }

  private static Set<String> checked(String what, Set<String> names) {
    if (names.isEmpty() || names.size() > NAMES_MAX) {
      throw new IllegalArgumentException(
          "a delegation lists %d %s: 1 to %d are possible"
              .formatted(names.size(), what, NAMES_MAX));
    }
    return Set.copyOf(names);
  }

  /** Whether it lets its key release this model for this profile. */
  public boolean covers(ModelName model, ProfileId profile) {
    return (models.contains(ANY) || models.contains(model.value()))
        && (profiles.contains(ANY) || profiles.contains(profile.value()));
  }
}
