package com.learnium.RNDeviceInfo.resolver;

import android.app.UiModeManager;
import android.content.Context;
import android.content.res.Configuration;
import android.os.Build;
import android.util.DisplayMetrics;
import android.view.WindowManager;

import com.learnium.RNDeviceInfo.DeviceType;

/**
 * Utility class used to get the device type, it's not dependant of React Native, allowing it to
 * be shared with native code as well as RN through RNDeviceModule
 * author: Andres Aguilar
 */
public class DeviceTypeResolver {

  private final Context context;

  public DeviceTypeResolver(Context context) {
    this.context = context;
  }

  public boolean isTablet() {
    return getDeviceType() == DeviceType.TABLET;
  }

  public DeviceType getDeviceType() {
    // Detect TVs via ui mode (Android TVs) or system features (Fire TV).
    if (context.getPackageManager().hasSystemFeature("amazon.hardware.fire_tv")) {
      return DeviceType.TV;
    }

    UiModeManager uiManager = (UiModeManager) context.getSystemService(Context.UI_MODE_SERVICE);
    if (uiManager != null && uiManager.getCurrentModeType() == Configuration.UI_MODE_TYPE_TELEVISION) {
      return DeviceType.TV;
    }

    DeviceType deviceTypeFromConfig = getDeviceTypeFromResourceConfiguration();

    if (deviceTypeFromConfig != null && deviceTypeFromConfig != DeviceType.UNKNOWN) {
      return deviceTypeFromConfig;
    }

    return getDeviceTypeFromPhysicalSize();
  }

  // Use `smallestScreenWidthDp` to determine the screen size
  // https://android-developers.googleblog.com/2011/07/new-tools-for-managing-screen-sizes.html
  private DeviceType getDeviceTypeFromResourceConfiguration() {
    int smallestScreenWidthDp = context.getResources().getConfiguration().smallestScreenWidthDp;

    if (smallestScreenWidthDp == Configuration.SMALLEST_SCREEN_WIDTH_DP_UNDEFINED) {
      return DeviceType.UNKNOWN;
    }

    return smallestScreenWidthDp >= 600 ? DeviceType.TABLET : DeviceType.HANDSET;
  }
