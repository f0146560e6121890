"""The script that streamlit runs for every view of the dashboard."""

from dashboard.shell import show

show()
