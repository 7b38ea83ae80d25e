package io.skerry.control.link;

import io.skerry.control.access.DeviceLogin;
import io.skerry.control.access.Secrets;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/** Remembers accepted logins for a while, so that a reconnect storm does not reach the database. */
@Singleton
final class LoginCache {
  static final int ENTRIES_MAX = 20_000;
  private static final long VALID_NANOS = Duration.ofSeconds(30).toNanos();

  private final DeviceLogin devices;
  private final Map<String, Accepted> accepted = new LinkedHashMap<>(16, 0.75f, true);

  LoginCache(DeviceLogin devices) {
    this.devices = devices;
  }

  private record Accepted(String hash, long atNanos) {}

  boolean accepts(String name, String password) {
    long now = System.nanoTime();
    String hash = Secrets.hash(password);
    synchronized (accepted) {
      Accepted known = accepted.get(name);
      if (known != null && now - known.atNanos() < VALID_NANOS && known.hash().equals(hash)) {
        return true;
      }
    }
    if (devices.login(name, password).isEmpty()) {
      return false;
    }
    synchronized (accepted) {
      accepted.put(name, new Accepted(hash, now));
      if (accepted.size() > ENTRIES_MAX) {
        accepted.remove(accepted.keySet().iterator().next());
      }
    }
    return true;
  }
}
