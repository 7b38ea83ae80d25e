package io.skerry.control.device;

import io.skerry.control.access.Caller;
import io.skerry.control.access.DeviceLogin;
import io.skerry.control.access.Secrets;
import io.skerry.control.sql.Database;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import jakarta.inject.Singleton;
import java.util.Optional;

/** Checks the secrets that devices got at enrolment. */
@Singleton
final class DeviceSecrets implements DeviceLogin {
  private final Database database;

  DeviceSecrets(Database database) {
    this.database = database;
  }

  @Override
  public Optional<Caller.Device> login(String name, String secret) {
    int slash = name.indexOf('/');
    if (slash < 0) {
      return Optional.empty();
    }
    return database
        .call(
            transaction ->
                transaction.first(
                    "select secret_hash from device where tenant = ? and id = ?",
                    row -> row.optionalText("secret_hash"),
                    name.substring(0, slash),
                    name.substring(slash + 1)))
        .flatMap(hash -> hash)
        .filter(hash -> Secrets.matches(secret, hash))
        .map(
            hash ->
                new Caller.Device(
                    new TenantId(name.substring(0, slash)),
                    new DeviceId(name.substring(slash + 1))));
  }
}
