package io.skerry.control.device;

import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.DeviceView;
import io.skerry.api.Enrolment;
import io.skerry.api.EnrolmentRequest;
import io.skerry.api.EnrolmentToken;
import io.skerry.api.EnrolmentTokenRequest;
import io.skerry.protocol.DeviceFacts;

/** Makes the API's records readable and writable as JSON. */
@SerdeImport(EnrolmentTokenRequest.class)
@SerdeImport(EnrolmentToken.class)
@SerdeImport(EnrolmentRequest.class)
@SerdeImport(Enrolment.class)
@SerdeImport(DeviceFacts.class)
@SerdeImport(DeviceView.class)
@SerdeImport(DeviceView.SlotView.class)
final class DeviceJson {
  private DeviceJson() {}
}
