package io.skerry.control.access;

import io.skerry.control.audit.Actor;
import io.skerry.control.host.DataFolder;
import jakarta.inject.Singleton;
import java.util.Optional;

/** The first start's administrator. */
@Singleton
public final class FirstAdmin {
  private final Users users;
  private final DataFolder folder;

  FirstAdmin(Users users, DataFolder folder) {
    this.users = users;
    this.folder = folder;
  }

  /** Makes the user {@code admin} if there is no user at all; its token is also in keys/. */
  public Optional<String> createIfNone() {
    if (!users.isEmpty()) {
      return Optional.empty();
    }
    String token = users.create(Actor.system("access"), "admin", Role.ADMIN);
    folder.writePrivately(folder.keys().resolve("admin.token"), token + "\n");
    return Optional.of(token);
  }
}
