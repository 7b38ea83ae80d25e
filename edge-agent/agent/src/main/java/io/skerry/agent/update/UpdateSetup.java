package io.skerry.agent.update;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelSlots;
import io.skerry.artifact.trust.Trust;
import io.skerry.profile.HardwareFacts;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * What an {@link Updater} works with.
 *
 * @param folder of its own: state and blobs
 * @param http the client of the moment, which shows the device's certificate: certificates renew
 * @param trust whom this device believes now; asked anew for every document
 * @param threadsMax threads that one model may use, whatever its profile says
 * @param executor for downloads and checks; tasks block
 * @param loads for loading models; tasks block in native code, which a virtual thread must not: it
 *     keeps a core's carrier to itself, and with it everything else that this device does
 * @param nanoTime as {@link System#nanoTime}: how long things take
 * @param memory what this process takes, and the machine still has
 */
public record UpdateSetup(
    Disk disk,
    Path folder,
    TenantId tenant,
    DeviceId device,
    Supplier<Trust> trust,
    HardwareFacts facts,
    ProfileCatalog profiles,
    EngineCatalog engines,
    int threadsMax,
    ModelSlots slots,
    Supplier<HttpClient> http,
    Executor executor,
    Executor loads,
    InstantSource clock,
    LongSupplier nanoTime,
    MemoryMeter memory) {

  @Override
  public String toString() {
    return "UpdateSetup[%s/%s in %s]".formatted(tenant, device, folder);
  }
}
