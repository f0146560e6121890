"""Which fields of ``HomeView`` a HEMS tells whoever schedules for it: once, and from day to day. The messages have fields of the same names."""

FORECAST = (
    "load_kw", "pv_kw", "buy_eur_per_kwh", "sell_eur_per_kwh", "ev_plugged", "ev_drive_kwh", "heater_draw_kwh", "hp_cop",
    "house_low_c", "house_high_c", "house_set_c", "temp_out_c", "gains_kw", "battery_soc_kwh", "battery_end_kwh", "ev_kwh", "ev_end_kwh",
    "heater_c", "heater_end_c", "house_c", "house_end_c",
)  # fmt: skip
"""From day to day."""

CAPACITY = (
    "contracted_kw", "battery_kwh", "battery_kw", "battery_eta_charge", "battery_eta_discharge", "battery_min_kwh", "battery_max_kwh",
    "battery_wear_eur_per_kwh", "ev_kw", "ev_kwh_capacity", "ev_eta_charge", "ev_target_share", "heater_kw", "heater_kwh_per_k",
    "heater_ua_kw_per_k", "heater_low_c", "heater_high_c", "heater_set_c", "heater_ambient_c", "hp_kw", "house_kwh_per_k",
    "house_loss_kw_per_k", "automatic", "reservation_eur_per_kwh",
)  # fmt: skip
"""When it registers."""
